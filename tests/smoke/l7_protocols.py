#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""l7_protocols.py LB7D FOLDER [NAME]: runs lb7d between clients of HTTP/1.0, HTTP/1.1 and HTTP/2 and scripted backends of HTTP/1.1 and HTTP/2
on loopback: the same exchange in every pairing; and a backend that speaks HTTP/2, but wants HTTP/1.1.

Each function whose name begins with test_ is a claim. Ends with status 1 if a claim fails.
"""

import os
import ssl
import subprocess
import sys
import threading
import time

import hyperframe.frame
from h2.errors import ErrorCodes
from l7_http2_scripted import Client, Http2Bench, Http2Origin, requests, serve
from l7_scripted import Origin, holds, lacks, read_all, read_head, run_claims, same

# --- the same exchange in every pairing ---

OLD, NEW = "/old", "/"  # the backend speaks HTTP/1.1, HTTP/2
HTTP_1_0, HTTP_1_1, HTTP_2 = "1.0", "1.1", "2"  # the client
EVERYWHERE = [(version, path) for version in (HTTP_1_0, HTTP_1_1, HTTP_2) for path in (OLD, NEW)]


class Answer:
    """What a backend says; `chunked`: without Content-Length."""

    def __init__(self, status=200, body=b"", headers=(), trailers=(), interims=(), chunked=False):
        self.status, self.body, self.headers, self.trailers, self.interims = status, body, list(headers), list(trailers), interims
        self.chunked = chunked or bool(trailers)
        if body and not self.chunked:
            self.headers.append(("content-length", "%d" % len(body)))

    def head(self, status, headers):
        return b"HTTP/1.1 %d x\r\n" % status + b"".join(b"%s: %s\r\n" % (n.encode(), v.encode()) for n, v in headers) + b"\r\n"

    def by_http1(self, sock, origin):
        while True:
            head, rest = origin.head(sock)
            if not head:
                return
            while b"chunked" in head.lower() and not rest.endswith(b"0\r\n\r\n"):
                rest += sock.recv(1000)
            headers = self.headers + [("transfer-encoding", "chunked")] * self.chunked
            sock.sendall(b"".join(self.head(s, [("link", "</a>")]) for s in self.interims) + self.head(self.status, headers))
            if head.startswith(b"HEAD") or not self.body:
                continue
            if not self.chunked:
                sock.sendall(self.body)
                continue
            sock.sendall(b"%x\r\n%s\r\n0\r\n" % (len(self.body), self.body))
            sock.sendall(b"".join(b"%s: %s\r\n" % (n.encode(), v.encode()) for n, v in self.trailers) + b"\r\n")

    def by_http2(self, peer):
        peer.begin()
        for stream in requests(peer):
            for status in self.interims:
                peer.h2.send_headers(stream, [(":status", "%d" % status), ("link", "</a>")])
            has_content = self.body and peer.heads[stream][":method"] != "HEAD"
            peer.h2.send_headers(stream, [(":status", "%d" % self.status), *self.headers], end_stream=not has_content)
            if has_content:
                peer.h2.send_data(stream, self.body, end_stream=not self.trailers)
            if has_content and self.trailers:
                peer.h2.send_headers(stream, self.trailers, end_stream=True)
            peer.flush()


class Seen:
    """What a client got: text of heads in lower case, content, trailers as a dictionary."""

    def __init__(self, interims, head, body, trailers):
        self.interims, self.head, self.body, self.trailers = interims, head, body, trailers


def fields_of(text):
    return dict(line.split(": ", 1) for line in text.decode().lower().split("\r\n") if ": " in line)


def dechunk(data):
    body = b""
    while True:
        size, data = data.split(b"\r\n", 1)
        if not int(size, 16):
            return body, fields_of(data)
        n = int(size, 16)
        body, data = body + data[:n], data[n + 2 :]


def split(data):
    """An answer of HTTP/1 that ended with its connection."""
    interims = []
    while True:
        head, data = data.split(b"\r\n\r\n", 1)
        fields = {":status": head.split()[1].decode(), **fields_of(head)}
        if fields[":status"][0] != "1":
            break
        interims.append(fields)
    body, trailers = dechunk(data) if fields.get("transfer-encoding") == "chunked" and data else (data, {})
    return Seen(interims, fields, body, trailers)


def ask(bench, version, path, method="GET", content=b"", headers=()):
    if version == HTTP_2:
        with Client(bench.port) as client:
            extra = [("te", "trailers"), *headers]
            stream = client.request(path, method, extra, content or None)
            client.answer(stream)
            return Seen(client.interims.get(stream, []), client.heads[stream], client.content[stream], client.trailers.get(stream, {}))
    lines = b"".join(b"%s: %s\r\n" % (n.encode(), v.encode()) for n, v in headers)
    if content:
        lines += b"Content-Length: %d\r\n" % len(content)
    head = b"%s %s HTTP/%s\r\nHost: x\r\nTE: trailers\r\nConnection: close, TE\r\n" % (method.encode(), path.encode(), version.encode())
    return split(bench.ask(head + lines + b"\r\n" + content))


def answer_by(bench, answer):
    bench.c.scripts = [answer.by_http1] * 50
    bench.a.scripts = [answer.by_http2]


def test_head_204_and_304_have_no_content(bench):
    cases = [
        ("HEAD", Answer(body=b"hello", headers=[("x-a", "1")])),
        ("HEAD", Answer(body=b"hello", chunked=True, headers=[("x-a", "1")])),
        ("GET", Answer(204, headers=[("x-a", "1")])),
        ("GET", Answer(304, headers=[("x-a", "1"), ("etag", '"e"'), ("content-length", "7")])),
    ]
    for method, answer in cases:
        bench.begin()
        answer_by(bench, answer)
        for version, path in EVERYWHERE:
            for _ in range(2):  # the second finds the connection in order
                seen = ask(bench, version, path, method)
                what = (version, path, method, answer.status)
                same((what, seen.head[":status"], seen.body, seen.head["x-a"]), (what, "%d" % answer.status, b"", "1"))
                same((what, seen.head.get("content-length")), (what, dict(answer.headers).get("content-length")))
        same(bench.a.count("opened"), 1)


def test_content_arrives_whole(bench):
    for answer in (Answer(body=b"hello"), Answer(body=b"hello", chunked=True), Answer(body=b"x" * 300000, chunked=True)):
        if len(answer.body) > 60000:
            answer.by_http2 = lambda peer: [  # as the windows allow
                (peer.h2.send_headers(s, [(":status", "200")]), peer.send(s, b"x" * 300000, end=True)) for s in begun(peer)
            ]
        bench.begin()
        answer_by(bench, answer)
        for version, path in EVERYWHERE:
            seen = ask(bench, version, path)
            same((version, path, seen.body == answer.body), (version, path, True))
            same(seen.head.get("content-length"), dict(answer.headers).get("content-length"))
            if version == HTTP_1_0:
                lacks(seen.head, "transfer-encoding")


def begun(peer):
    peer.begin()
    return requests(peer)


def test_trailers_pass_where_the_protocol_has_them(bench):
    answer_by(bench, Answer(body=b"hello", trailers=[("x-sum", "9")]))
    for version, path in EVERYWHERE:
        seen = ask(bench, version, path)
        want = {} if version == HTTP_1_0 else {"x-sum": "9"}
        same((version, path, seen.body, seen.trailers), (version, path, b"hello", want))


def test_interim_answers_pass_where_the_protocol_has_them(bench):
    answer_by(bench, Answer(body=b"hello", interims=[103, 103]))
    for version, path in EVERYWHERE:
        seen = ask(bench, version, path)
        want = [] if version == HTTP_1_0 else [("103", "</a>")] * 2
        same((version, path, [(i[":status"], i["link"]) for i in seen.interims]), (version, path, want))
        same(seen.body, b"hello")


def test_an_old_client_is_never_told_to_go_on(bench):
    """RFC 9110 section 10.1.1."""
    answer_by(bench, Answer(body=b"ok", interims=[100]))
    for version, path in EVERYWHERE:
        seen = ask(bench, version, path, "POST", b"content", [("expect", "100-continue")])
        same((version, path, len(seen.interims)), (version, path, 0 if version == HTTP_1_0 else 1))
        same((version, path, seen.body), (version, path, b"ok"))


def test_an_old_client_keeps_its_connection_if_it_asks_and_the_length_is_known(bench):
    for path in (OLD, NEW):
        request = b"GET %s HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" % path.encode()
        bench.begin()
        answer_by(bench, Answer(body=b"known"))
        with bench.connect() as sock:
            for _ in range(3):
                sock.sendall(request)
                head, rest = read_head(sock)
                holds(head.lower(), b"connection: keep-alive\r\n")
                holds(head.lower(), b"content-length: 5\r\n")
                while len(rest) < 5:
                    rest += sock.recv(10)
                same(rest, b"known")
        bench.begin()
        answer_by(bench, Answer(body=b"unknown", chunked=True))
        with bench.connect() as sock:
            sock.sendall(request)
            head, rest = read_head(sock)
            for name in (b"keep-alive", b"content-length", b"transfer-encoding"):
                lacks(head.lower(), name)
            same(rest + read_all(sock), b"unknown")


# --- floods of interim answers ---

HINTS = 20000  # interim answers in a flood


def flood_by_http1(sock, origin):
    if origin.head(sock)[0]:
        sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * HINTS + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def hint(stream):
    frame = hyperframe.frame.HeadersFrame(stream, b"\x08\x03103", flags=["END_HEADERS"])  # RFC 7541 section 6.2.2
    return frame.serialize()


def flood_by_http2(peer):
    for stream in begun(peer):
        peer.sock.sendall(hint(stream) * HINTS)
        peer.answer(stream)


def test_a_flood_of_interim_answers_ends_with_the_answer(bench):
    bench.c.scripts, bench.a.scripts = [flood_by_http1] * 50, [flood_by_http2]
    for version, path in EVERYWHERE:
        seen = ask(bench, version, path)
        same((version, path, seen.body), (version, path, b"ok"))


def endless_by_http1(sock, origin):
    if origin.head(sock)[0]:
        while True:
            sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000)


def endless_by_http2(peer):
    stream = next(begun(peer))
    while True:
        peer.sock.sendall(hint(stream) * 1000)


def memory_kb(bench):
    with open("/proc/%d/status" % bench.lb7d.pid, encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def test_interim_answers_without_end_cost_a_client_that_reads_nothing_no_memory(bench):
    before = memory_kb(bench)
    for path, version in ((OLD, HTTP_1_1), (NEW, HTTP_1_1), (OLD, HTTP_2), (NEW, HTTP_2)):
        bench.begin()
        bench.c.scripts, bench.a.scripts = [endless_by_http1], [endless_by_http2]
        if version == HTTP_2:
            client = Client(bench.port)
            client.request(path)
            sock = client.sock
        else:
            sock = bench.connect()
            sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        with sock:
            line = bench.line()
            same((path, version, line["end"], line["status"]), (path, version, "first_byte_timeout", 504))
            holds(b"HTTP/1.1 404", bench.ask(b"GET /none HTTP/1.0\r\n\r\n")[:12])
        assert memory_kb(bench) - before < 20000, "%s to %s: %d KB more" % (path, version, memory_kb(bench) - before)


# --- HTTP_1_1_REQUIRED (RFC 9113 section 7) ---


class SecureOrigin(Http2Origin):
    """Over TLS, with both protocols to choose from."""

    def __init__(self, folder):
        files = [os.path.join(folder, name) for name in ("secure.key", "secure.pem")]
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x -keyout %s -out %s" % tuple(files)
        subprocess.run(command.split(), check=True, stderr=subprocess.DEVNULL)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(files[1], files[0])
        self.context.set_alpn_protocols(["h2", "http/1.1"])
        super().__init__("0.0.0.0")

    def run(self, script, sock):
        try:
            super().run(script, self.context.wrap_socket(sock, server_side=True))
        except OSError as error:
            self.note("error %s" % type(error).__name__)

    def head(self, sock):
        head, rest = read_head(sock)
        if head:
            self.note("http/1.1")
        return head, rest


def requires_http1(refuse, body=b"by HTTP/1.1"):
    """refuse(peer, stream) is what HTTP/2 is answered."""

    def script(peer):
        if peer.sock.selected_alpn_protocol() != "h2":
            serve_old(peer, body)
            return
        for stream in begun(peer):
            refuse(peer, stream)

    return script


def serve_old(peer, body):
    while True:
        head, rest = peer.origin.head(peer.sock)
        if not head:
            return
        fields = fields_of(head)
        while len(rest) < int(fields.get("content-length", 0)) or ("transfer-encoding" in fields and not rest.endswith(b"0\r\n\r\n")):
            rest += peer.sock.recv(65536)
        peer.origin.note((dechunk(rest)[0] if "transfer-encoding" in fields else rest)[:9].decode())
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def by_reset(peer, stream):
    peer.h2.reset_stream(stream, ErrorCodes.HTTP_1_1_REQUIRED)
    peer.flush()


def by_goaway(peer, _):
    peer.goaway(0, ErrorCodes.HTTP_1_1_REQUIRED)


def test_a_request_that_wants_http1_is_sent_again_so(bench):
    for version in (HTTP_1_1, HTTP_2):
        for refuse in (by_reset, by_goaway):
            for i in range(3):
                bench.secure.scripts = [requires_http1(refuse)]
                seen = ask(bench, version, "/auto", "POST", b"%d content" % i)
                same((version, seen.head[":status"], seen.body), (version, "200", b"by HTTP/1.1"))
                same(bench.secure.count("%d content" % i), 1)
            same(bench.secure.count("head"), 1)  # of HTTP/2: it is remembered
            same(bench.secure.count("http/1.1"), 3)
            bench.begin()


def test_requests_at_once_that_want_http1_need_no_budget(bench):
    for refuse in (by_reset, by_goaway):
        bench.secure.scripts = [requires_http1(refuse)]
        with Client(bench.port) as client:
            streams = [client.request("/auto", "POST", content=b"hi") for _ in range(20)]
            same({client.answer(stream) for stream in streams}, {("200", b"by HTTP/1.1")})
        bench.begin()


def test_content_that_was_not_kept_is_not_sent_again(bench):
    bench.secure.scripts = [requires_http1(by_reset)]
    same(ask(bench, HTTP_1_1, "/auto", "POST", bytes(50000)).head[":status"], "502")
    same(bench.line()["reason"], "reset by the backend: HTTP_1_1_REQUIRED")
    same(ask(bench, HTTP_1_1, "/auto", "POST", bytes(50000)).body, b"by HTTP/1.1")


def test_an_answer_that_has_begun_is_broken_off(bench):
    def refuse(peer, stream):
        peer.h2.send_headers(stream, [(":status", "200")])
        peer.h2.send_data(stream, b"part")
        by_reset(peer, stream)

    bench.secure.scripts = [requires_http1(refuse)]
    out = bench.ask(b"GET /auto HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    holds(out, b"part")
    lacks(out, b"0\r\n\r\n")
    same(bench.secure.count("http/1.1"), 0)


def test_a_pool_that_speaks_only_http2_has_no_other_way(bench):
    bench.a.scripts = [lambda peer: [by_reset(peer, stream) for stream in begun(peer)]]
    same(ask(bench, HTTP_1_1, NEW).head[":status"], "502")
    same(bench.line()["reason"], "reset by the backend: HTTP_1_1_REQUIRED")


def test_a_call_of_grpc_knows_no_other_protocol(bench):
    bench.secure.scripts = [requires_http1(by_reset)]
    for _ in range(2):
        seen = ask(bench, HTTP_2, "/auto", "POST", b"\0\0\0\0\0", [("content-type", "application/grpc")])
        same((seen.head[":status"], seen.head["grpc-status"]), ("200", "13"))
    same(bench.secure.count("http/1.1"), 0)
    same(bench.secure.count("head"), 2)


def test_a_probe_that_wants_http1_is_made_so(bench):
    for refuse in (by_reset, by_goaway):
        bench.secure.scripts = [requires_http1(refuse)]
        bench.check = {"type": "https", "path": "/health", "interval_ms": 100, "timeout_ms": 100}
        bench.reload(bench.conf())
        assert bench.secure.wait_for("http/1.1", 5), bench.secure.events
        same((bench.secure.count("head"), bench.healthy("auto")), (1, 1))
        bench.begin()


class ProtocolBench(Http2Bench):
    n_threads = 5

    def __init__(self, lb7d, folder):
        self.c, self.secure = Origin(), SecureOrigin(folder)
        self.n_renewed, self.check = 0, None
        super().__init__(lb7d, folder)

    def conf(self):
        conf = super().conf()
        conf["l7"][0]["timeouts"]["first_byte_ms"] = 600
        conf["l7"][0]["routes"] += [{"path": "/old", "pool": "old"}, {"path": "/auto", "pool": "auto"}, {"path": "/none", "answer": {"status": 404}}]
        conf["l7"][0]["routes"].sort(key=lambda route: -len(route["path"]))
        backends = [{"name": "one", "address": "127.0.0.1", "port": self.c.port}]
        conf["pools"].append({"name": "old", "balance": "round_robin", "backends": backends})
        # Another address is another backend, of which nothing is known.
        backends = [{"name": "one", "address": "127.0.0.%d" % (self.n_renewed + 1), "port": self.secure.port}]
        strict = {"percent": 0, "per_second": 0}
        auto = {"name": "auto", "balance": "round_robin", "protocol": "auto", "tls": {"verify": False}, "retry_budget": strict}
        conf["pools"].append({**auto, **({"health": self.check} if self.check else {}), "backends": backends})
        return conf

    def renew(self):
        self.n_renewed += 1
        self.reload(self.conf())

    def healthy(self, pool):
        found = [line for line in self.metrics() if line.startswith("lb_backend_healthy{") and 'pool="%s"' % pool in line]
        return int(float(found[0].split()[-1]))

    def begin(self):
        self.check = None
        self.renew()
        for origin in (self.c, self.secure):
            self.hang_up(origin)
            origin.scripts, origin.heads, origin.open = [], [], []
        super().begin()
        self.c.events, self.secure.events = [], []


sys.exit(run_claims(globals(), ProtocolBench))
