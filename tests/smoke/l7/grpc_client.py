# SPDX-License-Identifier: BSD-3-Clause
"""grpc_client.py HOST:PORT [CASE...]: the cases of github.com/grpc/grpc/doc/interop-test-descriptions.md on Debian's grpcio; all without
names. Over TLS if AUTHORITY names its file. Says what failed, ends with 1 then."""
import os
import sys

import grpc
from grpc_messages import decode, encode, first, payload, payload_size

TEST = "/grpc.testing.TestService/"
STREAM_REQUESTS, STREAM_ANSWERS = (27182, 8, 1828, 45904), (31415, 9, 2653, 58979)
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
DEADLINE = 20


def expect(want, got, what):
    if want != got:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def unary(channel, name, request=b"", **options):
    options.setdefault("timeout", DEADLINE)
    return channel.unary_unary(name)(request, **options)


def fails(code, call, what):
    try:
        call()
    except grpc.RpcError as error:
        expect(code, error.code(), f"{what}: {error.details()}: code")
        return error
    raise AssertionError(f"{what}: it works")


def duplex(channel, requests, **options):
    options.setdefault("timeout", DEADLINE)
    return channel.stream_stream(TEST + "FullDuplexCall")(requests, **options)


def output_request(*sizes, size=0, interval_us=0):
    return encode({2: [encode({1: n, 2: interval_us}) for n in sizes], 3: payload(size)})


def empty_unary(channel):
    expect(b"", unary(channel, TEST + "EmptyCall"), "answer")


def large_unary(channel):
    answer = unary(channel, TEST + "UnaryCall", encode({2: 314159, 3: payload(271828)}))
    expect(314159, payload_size(answer), "size")


def client_streaming(channel):
    requests = [encode({1: payload(n)}) for n in STREAM_REQUESTS]
    answer = channel.stream_unary(TEST + "StreamingInputCall")(iter(requests), timeout=DEADLINE)
    expect(74922, first(decode(answer), 1, 0), "sum")


def server_streaming(channel):
    call = channel.unary_stream(TEST + "StreamingOutputCall")(output_request(*STREAM_ANSWERS), timeout=DEADLINE)
    expect(list(STREAM_ANSWERS), [payload_size(a) for a in call], "sizes")


class Feed:
    """Requests that are written one by one."""

    def __init__(self):
        self.queue = __import__("queue").Queue()
        self.put = self.queue.put

    def __iter__(self):
        return iter(self.queue.get, None)


def ping_pong(channel):
    feed = Feed()
    call = duplex(channel, iter(feed))
    for ask, size in zip(STREAM_REQUESTS, STREAM_ANSWERS):
        feed.put(output_request(size, size=ask))
        expect(size, payload_size(next(call)), "size")
    feed.put(None)
    expect([], list(call), "what follows")


def empty_stream(channel):
    expect([], list(duplex(channel, iter([]))), "answers")


def half_duplex(channel):
    """Not of the list: all requests first, then all answers, more of them than windows hold."""
    requests = [output_request(100000, 100000, size=100000) for _ in range(20)]
    expect([100000] * 40, [payload_size(a) for a in duplex(channel, iter(requests))], "sizes")


def check_metadata(call, what):
    expect("test_initial_metadata_value", dict(call.initial_metadata()).get(INITIAL), what)
    expect(b"\xab\xab\xab", dict(call.trailing_metadata()).get(TRAILING), what)


def custom_metadata(channel):
    sent = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
    _, call = channel.unary_unary(TEST + "UnaryCall").with_call(encode({2: 314159, 3: payload(271828)}), metadata=sent, timeout=DEADLINE)
    check_metadata(call, "unary")
    call = duplex(channel, iter([output_request(314159, size=271828)]), metadata=sent)
    expect([314159], [payload_size(a) for a in call], "sizes")
    check_metadata(call, "duplex")


def check_status(channel, code, message):
    request = encode({7: encode({1: code.value[0], 2: message.encode()})})
    for what, call in (
        ("unary", lambda: unary(channel, TEST + "UnaryCall", request)),
        ("duplex", lambda: list(duplex(channel, iter([request])))),
    ):
        expect(message, fails(code, call, what).details(), what)


def status_code_and_message(channel):
    check_status(channel, grpc.StatusCode.UNKNOWN, "test status message")


def special_status_message(channel):
    check_status(channel, grpc.StatusCode.UNKNOWN, SPECIAL)


def unimplemented_method(channel):
    fails(grpc.StatusCode.UNIMPLEMENTED, lambda: unary(channel, TEST + "UnimplementedCall"), "call")


def unimplemented_service(channel):
    fails(grpc.StatusCode.UNIMPLEMENTED, lambda: unary(channel, "/grpc.testing.UnimplementedService/UnimplementedCall"), "call")


def cancel_after_begin(channel):
    call = channel.stream_unary(TEST + "StreamingInputCall").future(iter(Feed()), timeout=DEADLINE)
    call.initial_metadata()  # it has reached the server
    call.cancel()
    expect(grpc.StatusCode.CANCELLED, call.code(), "code")


def cancel_after_first_response(channel):
    feed = Feed()
    call = duplex(channel, iter(feed))
    feed.put(output_request(31415, size=27182))
    expect(31415, payload_size(next(call)), "size")
    call.cancel()
    expect(grpc.StatusCode.CANCELLED, call.code(), "code")


def timeout_on_sleeping_server(channel):
    for timeout in (0.001, 0.15):
        feed = Feed()
        feed.put(output_request(31415, size=27182, interval_us=3000000))
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(duplex(channel, iter(feed), timeout=timeout)), timeout)


def main():
    authority = os.environ.get("AUTHORITY")
    if authority:
        credentials = grpc.ssl_channel_credentials(open(authority, "rb").read())
        channel = grpc.secure_channel(sys.argv[1], credentials)
    else:
        channel = grpc.insecure_channel(sys.argv[1])
    cases = sys.argv[2:] or [
        "empty_unary",
        "large_unary",
        "client_streaming",
        "server_streaming",
        "ping_pong",
        "empty_stream",
        "half_duplex",
        "custom_metadata",
        "status_code_and_message",
        "special_status_message",
        "unimplemented_method",
        "unimplemented_service",
        "cancel_after_begin",
        "cancel_after_first_response",
        "timeout_on_sleeping_server",
    ]
    for case in cases:
        try:
            globals()[case](channel)
        except (AssertionError, grpc.RpcError) as error:
            sys.exit(f"{case}: {error}")
    channel.close()
    os._exit(0)  # threads that wait for requests to send


main()
