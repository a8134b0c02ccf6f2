#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""h2_smuggle.py PORT BACKEND_PORT: requests in HTTP/2 that would be others, or several, if they were written down as HTTP/1.1
as they are. The backend is here, too, and strict: it keeps what it reads. Each request reaches it as the one that it is, or
not at all, and the next client on the same connection gets its own answer. Prints what went otherwise; status 1 if
anything did.

Sources: RFC 9113 section 10.3; Kettle, "HTTP/2: the sequel is always worse" (2021); Bishop Fox, h2c smuggling (2020)."""
import re
import socket
import sys
import threading

from h2frames import END_HEADERS, END_STREAM, PING, RST_STREAM, Peer, Wrong, continuation, data, headers, ping, request, reset

EVIL = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
LINE = re.compile(TOKEN + rb" [!-~]+ HTTP/1\.1")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*([!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?[ \t]*")


class Backend:
    """HTTP/1.1 to the letter. requests: head and content of each; broken: what was none."""

    def __init__(self, port):
        self.requests, self.broken = [], []
        self.server = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.server.accept()[0],), daemon=True).start()

    def serve(self, sock):
        stream = sock.makefile("rb")
        try:
            while self.one(sock, stream):
                pass
        except ValueError as error:
            self.broken.append(repr(error))
        except OSError:
            pass  # lb7d gave up a request that is cut
        sock.close()

    def one(self, sock, stream):
        line = stream.readline()
        if not line:
            return False
        if not line.endswith(b"\r\n") or not LINE.fullmatch(line[:-2]):
            raise ValueError(line)
        fields = self.fields(stream)
        content = self.content(stream, fields)
        if content is None:
            return False  # the client went away, and lb7d with it
        self.requests.append((line[:-2].decode(), fields, content))
        target = line.split(b" ")[1]
        body = b"" if line.startswith(b"HEAD ") else target
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + body)
        return True

    def fields(self, stream):
        fields = []
        while (line := stream.readline()) != b"\r\n":
            match = FIELD.fullmatch(line.removesuffix(b"\r\n")) if line.endswith(b"\r\n") else None
            if not match:
                raise ValueError(line)
            fields.append((match[1].lower().decode(), (match[2] or b"").decode("latin-1")))
        for name in ("host", "content-length", "transfer-encoding", "cookie"):
            if [n for n, _ in fields].count(name) > 1:
                raise ValueError("%s twice" % name)
        return fields

    def content(self, stream, fields):
        named = dict(fields)
        if "transfer-encoding" in named:
            if "content-length" in named or named["transfer-encoding"] != "chunked":
                raise ValueError(fields)
            return self.chunks(stream)
        length = named.get("content-length", "0")
        if not length.isdecimal():
            raise ValueError(fields)
        content = stream.read(int(length))
        return content if len(content) == int(length) else None

    def chunks(self, stream):
        content = b""
        while line := stream.readline():
            size = int(line, 16)
            if not size:
                trailers = self.fields(stream)
                return content + (b"|" + repr(trailers).encode() if trailers else b"")
            content += stream.read(size)
            if stream.read(2) != b"\r\n":
                return None
        return None

    def seen(self, marker):
        return [r for r in self.requests if marker in r[0]]


# --- vectors: name, HEADERS and what follows, whether the backend sees the request ---

OPEN = END_HEADERS
EITHER = None  # refused, or without what is wrong with it
BEGUN = 2  # refused, when all that content-length had promised was on its way: the backend may have seen that
VECTORS = []


def head(name, extra=(), sees=False, **what):
    VECTORS.append((name, lambda path: headers(1, request(**{"path": path, "extra": extra, **what})), sees))


def post(name, extra, content, sees=False):
    VECTORS.append((name, lambda path: headers(1, request("POST", path, extra=extra), OPEN) + content, sees))


def path(name, make):
    VECTORS.append((name, lambda p: headers(1, request(path=make(p))), False))


for where, cut in (("CR LF", "\r\n"), ("LF", "\n"), ("CR", "\r"), ("NUL", "\0")):
    head("%s in a value" % where, [("x", "a%sContent-Length: 5%s" % (cut, cut))])
    head("%s and a request in a value" % where, [("x", "a%s%s%s" % (cut, cut, EVIL))])
    head("%s in a name" % where, [("x: a%sy" % cut, "b")])
    head("%s in :authority" % where, authority="localhost%sx: y" % cut)
    head("%s in :method" % where, method="GET / HTTP/1.1%sx: y%s%sGET" % (cut, cut, cut))
    head("%s in a cookie" % where, [("cookie", "a=1%sx: y" % cut)])
    path("%s in :path" % where, lambda p, c=cut: "%s HTTP/1.1%sx: y%s%s%s" % (p, c, c, c, EVIL))
    post("%s in a trailer" % where, [], data(end=False) + headers(1, [("x", "a%s%s%s" % (cut, cut, EVIL))]))
    post("%s in a trailer's name" % where, [], data(end=False) + headers(1, [("x%sy" % cut, "1")]))
path("blank in :path", lambda p: p + " HTTP/1.1")
path("blank and a version in :path", lambda p: p + " HTTP/1.1 /evil")
path("tab in :path", lambda p: p + "\t/evil")
path("absolute :path", lambda p: "http://evil" + p)
path(":path without /", lambda p: "evil" + p)
path("empty segments before an authority", lambda p: "//evil@" + p + "\x7f")
head("blank in :method", method="GET /evil")
head("colon in a name", [("x:y", "1")])
head("blank in a name", [("x y", "1")])
head("blank behind a name", [("content-length ", "5")])
head("capitals", [("Transfer-Encoding", "chunked")])
head("name that is empty", [("", "a")])
head("user in :authority", authority="me@localhost")
head("path in :authority", authority="localhost/evil")
head("blank in :authority", authority="localhost evil")
head("Host beside another :authority", [("host", "evil")])
head("two Hosts", [("host", "localhost"), ("host", "evil")])
head("two Hosts, no :authority", [("host", "localhost"), ("host", "evil")], authority=None)
head("pseudo-header behind a field", [("x", "1"), (":path", "/evil")])
head(":path twice", [(":path", "/evil")])
head("connection", [("connection", "close, x-a")])
head("upgrade to h2c", [("connection", "upgrade, http2-settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA")])
head("upgrade to h2c without connection", [("upgrade", "h2c")])
head("proxy-connection", [("proxy-connection", "keep-alive")])
head("TE gzip", [("te", "gzip")])
post("Transfer-Encoding", [("transfer-encoding", "chunked")], data(payload=b"0\r\n\r\n" + EVIL.encode()))
post("Transfer-Encoding beside content-length", [("transfer-encoding", "chunked"), ("content-length", "4")], data())
post("content-length 0 and DATA", [("content-length", "0")], data(payload=EVIL.encode()), BEGUN)
post("content-length less than DATA", [("content-length", "4")], data(payload=b"test" + EVIL.encode()))
post("content-length less than all DATA", [("content-length", "4")], data(end=False) + data(payload=EVIL.encode()), BEGUN)
post("content-length more than DATA", [("content-length", "99")], data(payload=EVIL.encode()))
post("content-length more than DATA, trailers", [("content-length", "99")], data(end=False) + headers(1, [("x", "1")]))
post("content-length and no DATA", [("content-length", "5")], data(payload=b""))
post("two content-length", [("content-length", "4"), ("content-length", "5")], data())
post("two content-length in a list", [("content-length", "4, 5")], data())
post("content-length with a sign", [("content-length", "+4")], data())
post("content-length with a comma", [("content-length", "4,")], data())
post("content-length that wraps", [("content-length", "18446744073709551620")], data())
post("pseudo-header in a trailer", [], data(end=False) + headers(1, [(":path", "/evil")]))
post("content-length in a trailer", [], data(end=False) + headers(1, [("content-length", "4")]), EITHER)
post("transfer-encoding in a trailer", [], data(end=False) + headers(1, [("transfer-encoding", "chunked")]))
post("host in a trailer", [], data(end=False) + headers(1, [("host", "evil")]), EITHER)
post("trailers that do not end", [], data(end=False) + headers(1, [("x", "1")], OPEN) + data(payload=EVIL.encode()))
post("request that is cut", [("content-length", "99")], data(payload=EVIL.encode(), end=False) + reset() + ping())
# Right, and all of it content.
post("content that looks like a request", [], data(payload=EVIL.encode()), True)
post("content that looks like the last chunk", [], data(payload=b"0\r\n\r\n" + EVIL.encode()), True)
post("content-length that is right", [("content-length", str(len(EVIL)))], data(payload=EVIL.encode()), True)
post("trailers", [], data(end=False) + headers(1, [("x", "1")]), True)
VECTORS.append(("GET with content", lambda p: headers(1, request(path=p), OPEN) + data(payload=EVIL.encode()), True))
VECTORS.append(("fields in CONTINUATION", lambda p: headers(1, request(path=p), END_STREAM) + continuation(), True))
head("cookies in pieces", [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")], True)
head("TE trailers", [("te", "trailers")], True)
head("Expect that is right", [("x", "\"(),/:;<=>?@[\\]{}")], True)
head("HEAD", method="HEAD", sees=True)


def ask(port, frames):
    """What came of it: a status, "reset" or "closed"."""
    peer = Peer(port, timeout=5)
    try:
        peer.begin()
        peer.send(frames)
        f = peer.wait(lambda f: f.stream == 1 and (f.fields or f.kind == RST_STREAM) or f.kind == PING, "an answer")
        return f.status or "reset"
    except Wrong as error:
        return "closed" if peer.is_closed else str(error)
    finally:
        peer.close()


def next_client(port, i):
    peer = Peer(port, timeout=5)
    try:
        return peer.begin().ask(1, request(path="/after-%d" % i))[2]
    except Wrong as error:
        return str(error)
    finally:
        peer.close()


def wrongs(port, backend):
    for i, (name, make, sees) in enumerate(VECTORS):
        came = ask(port, make("/v-%d-" % i))
        after = next_client(port, i)
        if after != b"/after-%d" % i:
            yield "%s: the next client got %r" % (name, after)
        if sees is not EITHER and (came == "200") != (sees is True):
            yield "%s: %s" % (name, came)
        seen = backend.seen("/v-%d-" % i)
        if len(seen) != (came == "200") and sees is not BEGUN:
            yield "%s: the backend saw %s" % (name, seen)
    yield from ("the backend read " + line for line in backend.broken)
    yield from ("the backend saw %s" % (r,) for r in backend.requests if "evil" in r[0] or "evil" in str(r[1]) or b"|" in r[2] and b"|[('x', '1')]" not in r[2])
    cookies = [dict(r[1]).get("cookie") for r in backend.requests if dict(r[1]).get("cookie")]
    if cookies != ["a=1; b=2; c=3"]:
        yield "cookies at the backend: %s" % cookies


def main():
    backend = Backend(int(sys.argv[2]))
    lines = list(wrongs(int(sys.argv[1]), backend))
    print("\n".join(lines))
    print("%d requests, %d wrong" % (len(VECTORS), len(lines)))
    sys.exit(bool(lines))


main()
