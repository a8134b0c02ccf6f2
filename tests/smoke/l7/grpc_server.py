# SPDX-License-Identifier: BSD-3-Clause
"""grpc_server.py PORT...: on each port grpc.testing.TestService as the interoperability tests of gRPC have it
(github.com/grpc/grpc/doc/interop-test-descriptions.md) and grpc.health.v1.Health, on Debian's grpcio. With CERTIFICATE=FILE (its key
beside it) over TLS. Answers say in x-server which port it was. smoke.Control/Serve: the name of a service and how it serves from now on, as
"name=1"; what was cancelled is printed."""
import os
import sys
import threading
import time
from concurrent import futures

import grpc
from grpc_messages import decode, encode, first, payload, payload_size

SERVING = {"": 1}
PORT_OF = "x-server"


def echoes(context, port):
    sent = dict(context.invocation_metadata())
    initial = [(PORT_OF, str(port))]
    if "x-grpc-test-echo-initial" in sent:
        initial.append(("x-grpc-test-echo-initial", sent["x-grpc-test-echo-initial"]))
    context.send_initial_metadata(initial)
    if "x-grpc-test-echo-trailing-bin" in sent:
        context.set_trailing_metadata([("x-grpc-test-echo-trailing-bin", sent["x-grpc-test-echo-trailing-bin"])])


def fail_if_asked(fields, context, over=None):
    if 7 in fields:
        if over:
            over.done = True
        status = decode(fields[7][0])
        code = next(c for c in grpc.StatusCode if c.value[0] == first(status, 1, 0))
        context.abort(code, first(status, 2, b"").decode())


def watched(method, context):
    """Prints when the call is cancelled; the event it returns is set then, or when the call is over."""
    over = threading.Event()

    def ended():
        if not over.done:
            print("cancelled", method, flush=True)
        over.set()

    over.done = False
    context.add_callback(ended)
    return over


class Service:
    def __init__(self, port):
        self.port = port

    def empty(self, request, context):
        echoes(context, self.port)
        return b""

    def unary(self, request, context):
        echoes(context, self.port)
        fields = decode(request)
        fail_if_asked(fields, context)
        return encode({1: payload(first(fields, 2, 0))})

    def input(self, requests, context):
        over = watched("input", context)
        echoes(context, self.port)
        sizes = [payload_size(r) for r in requests]
        # grpcio may tell the end of the messages before the cancellation; no case completes without one.
        over.done = bool(sizes)
        return encode({1: sum(sizes)})

    def answers(self, request, context, over):
        fields = decode(request)
        fail_if_asked(fields, context, over)
        for parameters in fields.get(2, []):
            p = decode(parameters)
            if over.wait(first(p, 2, 0) / 1e6):
                return
            yield encode({1: payload(first(p, 1, 0))})

    def output(self, request, context):
        over = watched("output", context)
        echoes(context, self.port)
        yield from self.answers(request, context, over)
        over.done = True

    def duplex(self, requests, context):
        over = watched("duplex", context)
        echoes(context, self.port)
        for request in requests:
            yield from self.answers(request, context, over)
        over.done = not over.is_set()


def check(request, context):
    name = first(decode(request), 1, b"").decode()
    if name not in SERVING:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return encode({1: SERVING[name]})


def serve(request, context):
    name, _, how = request.decode().partition("=")
    SERVING[name] = int(how)
    return b""


def start(port):
    service = Service(port)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=[("grpc.so_reuseport", 0)])
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "grpc.testing.TestService",
                {
                    "EmptyCall": unary(service.empty),
                    "UnaryCall": unary(service.unary),
                    "StreamingInputCall": grpc.stream_unary_rpc_method_handler(service.input),
                    "StreamingOutputCall": grpc.unary_stream_rpc_method_handler(service.output),
                    "FullDuplexCall": stream(service.duplex),
                },
            ),
            grpc.method_handlers_generic_handler("smoke.Control", {"Serve": unary(serve)}),
        ]
    )
    if not os.environ.get("NO_HEALTH"):
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": unary(check)})])
    file = os.environ.get("CERTIFICATE")
    if file:
        pair = [open(name, "rb").read() for name in (file.replace(".pem", ".key"), file)]
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


SERVERS = [start(int(port)) for port in sys.argv[1:]]
while True:
    time.sleep(3600)
