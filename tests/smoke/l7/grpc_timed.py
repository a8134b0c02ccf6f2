# SPDX-License-Identifier: BSD-3-Clause
"""grpc_timed.py HOST:PORT: calls of StreamingOutputCall: five messages 20 ms apart, two that fail at once, by the caller's fault and by
the server's, one that is cancelled after two messages. Says as JSON what it saw: messages in all, milliseconds to the first one of the first call, and from it to
the last."""
import json
import sys
import time

import grpc
from grpc_messages import encode, payload

METHOD = "/grpc.testing.TestService/StreamingOutputCall"


def request(n, code=0):
    asked = {2: [encode({1: 100, 2: 20000})] * n, 3: payload(0)}
    if code:
        asked[7] = encode({1: code, 2: b"no"})
    return encode(asked)


def main():
    channel = grpc.insecure_channel(sys.argv[1])
    call = channel.unary_stream(METHOD)
    list(call(request(1), timeout=20))  # the connection is there, whatever that took
    start = time.monotonic()
    moments = [time.monotonic() for _ in call(request(5), timeout=20)]
    for status in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL):
        try:
            list(call(request(2, status.value[0]), timeout=20))
        except grpc.RpcError as error:
            assert error.code() == status, error
    cancelled = call(request(100), timeout=20)
    next(cancelled)
    next(cancelled)
    cancelled.cancel()
    print(json.dumps({"first_ms": 1e3 * (moments[0] - start), "rest_ms": 1e3 * (moments[-1] - moments[0])}))


main()
