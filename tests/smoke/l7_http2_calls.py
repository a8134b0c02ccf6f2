#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""l7_http2_calls.py LB7D FOLDER [NAME]: runs lb7d between a client of HTTP/2 and scripted backends of HTTP/2 on loopback, and WebSockets
between clients and backends of either protocol.

Each function whose name begins with test_ is a claim. Ends with status 1 if a claim fails.
"""

import base64
import hashlib
import sys
from socket import MSG_PEEK

import h2.events
from h2.errors import ErrorCodes
from l7_http2_scripted import SETTING, Client, Http2Bench, goes_after, requests, serve
from l7_scripted import GET, holds, lacks, read_head, run_claims, same

# --- WebSockets ---

UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ACCEPTED = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3
TEXT = b"\x81\x85\x00\x00\x00\x00hello"  # masked with zeros
ECHO = b"\x81\x05hello"


def extended(status="200"):
    """Knows WebSockets over HTTP/2 (RFC 8441), and echoes."""

    def script(peer):
        peer.begin({SETTING.ENABLE_CONNECT_PROTOCOL: 1})
        for event in peer.events():
            if isinstance(event, h2.events.RequestReceived) and peer.heads[event.stream_id][":method"] == "CONNECT":
                headers = [(":status", status), ("sec-websocket-protocol", "chat")]
                peer.h2.send_headers(event.stream_id, headers, end_stream=status != "200")
            elif isinstance(event, h2.events.DataReceived) and event.data:
                peer.h2.send_data(event.stream_id, ECHO)
            elif isinstance(event, h2.events.StreamEnded) and status == "200":
                peer.origin.note("ended")
                peer.h2.end_stream(event.stream_id)

    return script


def both_protocols(kept):
    """HTTP/2 without WebSockets, and HTTP/1.1 with them, on one port."""

    def script(peer):
        if peer.sock.recv(3, MSG_PEEK) == b"PRI":
            serve(b"h2")(peer)
            return
        head, _ = read_head(peer.sock)
        kept.append(head)
        key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        peer.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept
        )
        while peer.sock.recv(65536):
            peer.sock.sendall(ECHO)

    return script


def speak(sock):
    """A client's handshake, and a message there and back; the answer's head."""
    sock.sendall(UPGRADE % b"/")
    head, rest = read_head(sock)
    holds(head, b"101 Switching Protocols")
    holds(head, ACCEPTED)
    sock.sendall(TEXT)
    while len(rest) < len(ECHO):
        rest += sock.recv(65536)
    same(rest, ECHO)
    return head


def test_a_websocket_goes_over_http2(bench):
    bench.a.scripts = [extended()]
    for _ in range(3):
        with bench.connect() as sock:
            holds(speak(sock), b"sec-websocket-protocol: chat\r\n")
    assert bench.a.wait_for("reset %d" % ErrorCodes.CANCEL, 3), bench.a.events
    same(bench.a.count("opened"), 1)
    head = bench.a.heads[0]
    same([head[k] for k in (":method", ":protocol", ":scheme", ":path")], ["CONNECT", "websocket", "http", "/"])
    for name in ("upgrade", "connection", "sec-websocket-key"):
        lacks(head, name)
    same(bench.line()["protocol"], "websocket")


def test_a_websocket_that_is_refused_over_http2(bench):
    bench.a.scripts = [extended("403")]
    with bench.connect() as sock:
        sock.sendall(UPGRADE % b"/")
        holds(read_head(sock)[0], b"403 Forbidden")


def test_a_websocket_goes_by_http1_where_http2_knows_none(bench):
    kept = []
    bench.a.scripts = [both_protocols(kept)]
    for _ in range(3):
        with bench.connect() as sock:
            speak(sock)
    holds(kept[0], b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
    same(bench.a.count("opened"), 4)  # one of HTTP/2 found out
    holds(bench.ask(GET), b"h2")
    same(bench.a.count("opened"), 4)


def test_a_backend_that_learns_websockets_is_believed(bench):
    bench.a.scripts = [both_protocols([]), both_protocols([]), extended()]
    with bench.connect() as sock:
        speak(sock)
    n_closed = bench.a.count("closed")
    bench.hang_up(bench.a)
    bench.a.wait_for("closed", n_closed + 1)
    with bench.connect() as sock:
        speak(sock)
    same([head.get(":protocol") for head in bench.a.heads][-1], "websocket")


def test_a_websocket_of_an_http2_client(bench):
    """By either protocol."""
    kept = []
    for script in (extended(), both_protocols(kept)):
        bench.begin()
        bench.a.scripts = [script]
        with Client(bench.port) as client:
            client.wait(lambda: client.h2.remote_settings.enable_connect_protocol)
            headers = [("sec-websocket-version", "13"), ("origin", "http://x")]
            stream = client.h2.get_next_available_stream_id()
            pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "x"), (":path", "/ws")]
            client.h2.send_headers(stream, pseudo + headers)
            client.h2.send_data(stream, TEXT)  # at once: it waits for the answer
            client.flush()
            client.wait(lambda: client.content.get(stream))
            same(client.heads[stream][":status"], "200")
            for name in ("sec-websocket-accept", "upgrade", "connection"):
                lacks(client.heads[stream], name)
            same(client.content[stream], ECHO)
            client.h2.send_data(stream, TEXT)
            client.flush()
            client.wait(lambda: client.content[stream] == ECHO * 2)
    holds(kept[0], b"GET /ws HTTP/1.1\r\n")
    holds(kept[0].lower(), b"sec-websocket-key: ")


# --- clients of HTTP/2 ---


def test_calls_of_one_client_are_balanced_one_by_one(bench):
    bench.a.scripts, bench.b.scripts = [serve(b"a")], [serve(b"b")]
    with Client(bench.port) as client:
        streams = [client.request("/two", "POST", content=b"hi") for _ in range(50)]
        got = sorted(client.answer(stream)[1] for stream in streams)
    same(got, [b"a"] * 25 + [b"b"] * 25)


def test_calls_go_elsewhere_when_their_backend_says_goaway(bench):
    bench.a.scripts, bench.b.scripts = [goes_after(10, 5, b"old"), serve(b"new")], [serve(b"b")]
    with Client(bench.port) as client:
        streams = [client.request("/two", "POST", headers=[("te", "trailers")], content=b"call %d" % i) for i in range(40)]
        got = [client.answer(stream) for stream in streams]
    same({status for status, _ in got}, {"200"})
    same([body for _, body in got].count(b"old"), 5)


def test_trailers_pass_between_two_of_http2(bench):
    def script(peer):
        peer.begin()
        for stream in requests(peer):
            same(peer.trailers[stream], {"x-check": "a"})
            peer.answer(stream, peer.content[stream], trailers=[("grpc-status", "0")])

    bench.a.scripts = [script]
    with Client(bench.port) as client:
        stream = client.request("/", "POST", [("te", "trailers")], b"hi", [("x-check", "a")])
        same(client.answer(stream), ("200", b"hi"))
        same(client.trailers[stream], {"grpc-status": "0"})


def test_both_ways_at_once(bench):
    """Each message is answered before the next one is sent."""

    def echo(peer):
        peer.begin()
        for event in peer.events():
            if isinstance(event, h2.events.RequestReceived):
                peer.h2.send_headers(event.stream_id, [(":status", "200")])
            elif isinstance(event, h2.events.DataReceived) and event.data:
                peer.h2.send_data(event.stream_id, event.data)
            elif isinstance(event, h2.events.StreamEnded):
                peer.h2.end_stream(event.stream_id)

    bench.a.scripts = [echo]
    with Client(bench.port) as client:
        stream = client.request("/", "POST", end=False, content=b"0;")
        want = b"0;"
        for i in range(1, 50):
            client.wait(lambda: client.content.get(stream) == want)
            client.h2.send_data(stream, b"%d;" % i)
            client.flush()
            want += b"%d;" % i
        client.h2.end_stream(stream)
        client.flush()
        same(client.answer(stream), ("200", want))


def test_a_stream_that_is_cancelled_is_cancelled_there(bench):
    def never(peer):
        peer.begin()
        for _ in peer.events():
            pass

    bench.a.scripts = [never]
    with Client(bench.port) as client:
        stream = client.request("/")
        assert bench.a.wait_for("head")
        client.h2.reset_stream(stream, ErrorCodes.CANCEL)
        client.flush()
        assert bench.a.wait_for("reset %d" % ErrorCodes.CANCEL), bench.a.events
        bench.a.scripts = [serve()]


def test_a_stream_without_window_stops_its_backend_and_no_other(bench):
    size = 4 << 20

    def large(peer):
        peer.begin()
        for stream in requests(peer):
            if peer.heads[stream][":path"] == "/small":
                peer.answer(stream, b"small")
                continue
            peer.h2.send_headers(stream, [(":status", "200")])
            sent = 0
            while sent < size:
                n = min(peer.h2.local_flow_control_window(stream), 16384, size - sent)
                if not n:
                    break
                peer.h2.send_data(stream, bytes(n))
                sent += n
            peer.flush()
            peer.origin.note("sent %d" % sent)

    bench.a.scripts = [large]
    with Client(bench.port, window=1000) as client:
        slow = client.request("/")
        client.wait(lambda: len(client.content.get(slow, b"")) == 1000, is_taking=False)
        for _ in range(5):
            same(client.answer(client.request("/small")), ("200", b"small"))
        same(len(client.content[slow]), 1000)
        same(bench.a.count("sent 65535"), 1)
        same(bench.a.count("opened"), 1)


sys.exit(run_claims(globals(), Http2Bench))
