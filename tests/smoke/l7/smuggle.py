#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""smuggle.py PORT: sends requests of which one peer might see one and another two. Each hides a request for /evil; each
gets exactly one answer, a refusal, or one for all of it. After each, the next client on the same backend
connection gets its own answer. Prints what went otherwise; status 1 if anything did.

Sources: RFC 9112 section 11.2; PortSwigger's "HTTP desync attacks" (2019) and "Browser-powered desync" (2022);
Kettle's and Linhart's vectors; "Funky chunks" (2025)."""
import re
import socket
import sys

EVIL = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(EVIL)


def post(fields, content=b"0\r\n\r\n" + EVIL):
    return b"POST /good HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + content


# name, request, status that it gets
VECTORS = [
    ("CL.TE", post(b"Content-Length: %d\r\n" % (5 + len(EVIL)) + CHUNKED), 400),
    ("TE.CL", post(CHUNKED + b"Content-Length: 4\r\n", b"%x\r\n" % len(EVIL) + EVIL + b"\r\n0\r\n\r\n"), 400),
    ("two lengths", post(b"Content-Length: 0\r\n" + LENGTH, EVIL), 400),
    ("two lengths in a list", post(b"Content-Length: 0, %d\r\n" % len(EVIL), EVIL), 400),
    ("length with a sign", post(b"Content-Length: +0\r\n", EVIL), 400),
    ("length with a minus", post(b"Content-Length: -1\r\n", EVIL), 400),
    ("hex length", post(b"Content-Length: 0x0\r\n", EVIL), 400),
    ("length with a blank", post(b"Content-Length: 0 0\r\n", EVIL), 400),
    ("empty length", post(b"Content-Length: \r\n", EVIL), 400),
    ("length wraps", post(b"Content-Length: 18446744073709551616\r\n", EVIL), 400),
    ("blank before the colon", post(b"Content-Length : %d\r\n" % len(EVIL), EVIL), 400),
    ("tab before the colon", post(b"Transfer-Encoding\t: chunked\r\n"), 400),
    ("folded coding", post(b"Transfer-Encoding:\r\n chunked\r\n"), 400),
    ("folded length", post(b"X: a\r\n Content-Length: 0\r\n", EVIL), 400),
    ("vertical tab", post(b"Transfer-Encoding:\x0bchunked\r\n"), 400),
    ("chunked twice", post(b"Transfer-Encoding: chunked, chunked\r\n"), 400),
    ("two codings", post(CHUNKED + b"Transfer-Encoding: identity\r\n"), 400),
    ("chunked first", post(b"Transfer-Encoding: chunked, identity\r\n"), 400),
    ("coding in quotes", post(b'Transfer-Encoding: "chunked"\r\n'), 400),
    ("prefix", post(b"Transfer-Encoding: xchunked\r\n"), 400),
    ("coding and parameter", post(b"Transfer-Encoding: chunked;a=b\r\n"), 400),
    ("coding in HTTP/1.0", post(CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0", 1), 400),
    ("LF hides a field", post(b"X: a\nTransfer-Encoding: chunked\r\n"), 400),
    ("CR hides a field", post(b"X: a\rTransfer-Encoding: chunked\r\n"), 400),
    ("NUL", post(b"Transfer-Encoding: chunked\0\r\n"), 400),
    ("LF ends the head", b"POST /good HTTP/1.1\r\nHost: a\r\n" + LENGTH + b"\n" + EVIL, 400),
    ("blank line with a blank", b"GET /good HTTP/1.1\r\nHost: a\r\n \r\n" + EVIL, 400),
    ("field without a colon", post(b"Transfer-Encoding chunked\r\n"), 400),
    ("two hosts", b"GET /good HTTP/1.1\r\nHost: a\r\nHost: evil\r\n\r\n", 400),
    ("no host", b"GET /good HTTP/1.1\r\n\r\n", 400),
    ("host and target differ", b"GET http://evil/good HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("host with a path", b"GET /good HTTP/1.1\r\nHost: a/evil\r\n\r\n", 400),
    ("blank in the target", b"GET /good /evil HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /good\r\n\r\n" + EVIL, 400),
    ("size with a sign", post(CHUNKED, b"+0\r\n\r\n" + EVIL), 400),
    ("size 0x", post(CHUNKED, b"0x0\r\n\r\n" + EVIL), 400),
    ("size with a blank", post(CHUNKED, b"0 \r\n\r\n" + EVIL), 400),
    ("size wraps", post(CHUNKED, b"10000000000000000\r\n\r\n" + EVIL), 400),
    ("size ended by LF", post(CHUNKED, b"0\n\r\n" + EVIL), 400),
    ("LF in an extension", post(CHUNKED, b"2;\nxx\r\n%x\r\n0\r\n\r\n" % len(EVIL) + EVIL), 400),
    ("CR in an extension", post(CHUNKED, b"2;\rxx\r\n0\r\n\r\n" + EVIL), 400),
    ("chunk longer than its size", post(CHUNKED, b"1\r\naXX0\r\n\r\n" + EVIL), 400),
    ("chunk ended by LF", post(CHUNKED, b"1\r\na\n0\r\n\r\n" + EVIL), 400),
    ("length in a trailer", post(CHUNKED, b"0\r\nContent-Length: 9\r\n\r\n" + EVIL), 400),
    ("trailer with LF", post(CHUNKED, b"0\r\nX: a\n\r\n" + EVIL), 400),
    # Right, and all of it content.
    ("content that looks like a request", post(LENGTH + b"Connection: close\r\n", EVIL), 200),
    ("content of GET", post(LENGTH + b"Connection: close\r\n", EVIL).replace(b"POST", b"GET", 1), 200),
    ("chunk that looks like a request",
     post(CHUNKED + b"Connection: close\r\n", b"%x\r\n" % len(EVIL) + EVIL + b"\r\n0\r\n\r\n"), 200),
    ("chunk that looks like the end",
     post(CHUNKED + b"Connection: close\r\n", b"%x\r\n0\r\n\r\n" % (5 + len(EVIL)) + EVIL + b"\r\n0\r\n\r\n"), 200),
    ("length named by Connection", post(LENGTH + b"Connection: close, Content-Length\r\n", EVIL), 200),
    ("coding named by Connection",
     post(CHUNKED + b"Connection: close, Transfer-Encoding\r\n", b"%x\r\n" % len(EVIL) + EVIL + b"\r\n0\r\n\r\n"), 200),
]


def ask(request):
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
    said = b""
    try:
        peer.sendall(request)
        while data := peer.recv(65536):
            said += data
    except OSError as e:
        said += b" (%s)" % str(e).encode()
    return said


def main():
    wrong = 0
    for i, (name, request, status) in enumerate(VECTORS):
        said = ask(request)
        statuses = [int(s) for s in re.findall(rb"HTTP/1\.1 (\d+) ", said)]
        after = ask(b"GET /after-%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % i)
        if statuses != [status] or b"GET /after-%d\n" % i not in after:
            print(f"{name}: {statuses}, not [{status}]: {said!r}; the next client: {after!r}")
            wrong += 1
    sys.exit(wrong > 0)


main()
