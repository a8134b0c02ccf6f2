#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""h2_backend_cases.py PORT BACKEND_PORT: lb7d as a client of HTTP/2. The backend is here: it answers a request of lb7d's with frames,
right and wrong ones, and looks at what lb7d says to that; a client in HTTP/1.1 looks at what became of the answer. Prints what went
otherwise; status 1 if anything did."""
import re
import socket
import struct
import sys
import threading

from h2frames import *  # noqa: F403  the words of the table
from h2frames import PADDED, Wrong

PREFACE_SIZE = 24
OK = block([(":status", "200")])
OPEN = END_HEADERS


def head(stream, *extra, raw=None, flags=OPEN, status="200"):
    return headers(stream, raw=block([(":status", status), *extra]) if raw is None else raw, flags=flags)


def body(stream, payload=b"hello", end=True):
    return data(stream, payload, end)


# Section, what it is, frames for the stream that lb7d has opened, what the client gets, what lb7d says: a code of GOAWAY, of
# RST_STREAM, or nothing (then it lives, or has come to its end).
CASES = []


def good(section, what, make, status="200"):
    CASES.append((section, what, make, status, None, None))


def breaks(section, what, make, code, status="502"):
    CASES.append((section, what, make, status, GOAWAY, code))


def malformed(section, what, make, status="502"):
    CASES.append((section, what, make, status, RST_STREAM, PROTOCOL_ERROR))


good("8.1", "an answer", lambda s: head(s) + body(s))
good("8.1", "an answer in pieces", lambda s: head(s) + body(s, b"hel", False) + body(s, b"lo"))
good("8.1", "an answer with trailers", lambda s: head(s) + body(s, end=False) + headers(s, raw=block([("x-t", "1")])))
good("8.1", "interim answers", lambda s: head(s, status="103") + head(s, status="103") + head(s) + body(s))
good("8.1", "RST_STREAM NO_ERROR behind the whole answer", lambda s: head(s) + body(s) + reset(s, NO_ERROR))
good("4.1", "frames of unknown type", lambda s: frame(0x16, 0, 0, bytes(8)) + frame(0x16, 0, s, b"x") + head(s) + body(s))
good("4.1", "undefined flags", lambda s: frame(HEADERS, OPEN | 0xC2, s, OK) + frame(DATA, 0xF7, s, b"\0hello"))
good("5.3", "PRIORITY", lambda s: priority(s) + priority(99) + head(s) + body(s))
good("6.1", "DATA with padding", lambda s: head(s) + frame(DATA, END_STREAM | PADDED, s, b"\3hello\0\0\0"))
good("6.5", "new SETTINGS", lambda s: settings((MAX_STREAMS, 1), (WINDOW, 0), (TABLE_SIZE, 0)) + head(s) + body(s))
good("6.5", "unknown setting", lambda s: settings((0xFF, 1)) + head(s) + body(s))
good("6.7", "PING", lambda s: ping() + head(s) + body(s))
CASES.append(("6.8", "GOAWAY before the answer", lambda s: goaway(s) + head(s) + body(s), "200", None, "the end"))
good("6.9", "WINDOW_UPDATE", lambda s: window(0, 1) + window(s, 1) + head(s) + body(s))
good("6.10", "CONTINUATION", lambda s: headers(s, raw=OK[:3], flags=0) + continuation(s, OK[3:7], False) + continuation(s, OK[7:]) + body(s))
good("8.1", "content-length that is right", lambda s: head(s, ("content-length", "5")) + body(s))
breaks("4.2", "DATA beyond MAX_FRAME_SIZE", lambda s: head(s) + body(s, bytes(16385)), FRAME_SIZE_ERROR, "cut")
breaks("4.3", "a block that is cut", lambda s: headers(s, raw=b"\x40"), COMPRESSION_ERROR)
breaks("4.3", "PING inside a block", lambda s: headers(s, raw=OK, flags=0) + ping(), PROTOCOL_ERROR)
breaks("5.1", "DATA on an idle stream", lambda s: body(s + 2), PROTOCOL_ERROR)
breaks("5.1", "RST_STREAM of an idle stream", lambda s: reset(s + 2), PROTOCOL_ERROR)
breaks("5.1", "WINDOW_UPDATE of an idle stream", lambda s: window(s + 2, 1), PROTOCOL_ERROR)
breaks("5.1.1", "HEADERS on a stream of the server's", lambda s: head(2), PROTOCOL_ERROR)
breaks("5.1.1", "HEADERS on an idle stream", lambda s: head(s + 2), PROTOCOL_ERROR)
breaks("6.1", "DATA on stream 0", lambda s: body(0), PROTOCOL_ERROR)
breaks("6.1", "more padding than length", lambda s: head(s) + frame(DATA, PADDED, s, b"\6Test"), PROTOCOL_ERROR, "cut")
breaks("6.2", "HEADERS on stream 0", lambda s: head(0), PROTOCOL_ERROR)
breaks("6.4", "RST_STREAM on stream 0", lambda s: reset(0), PROTOCOL_ERROR)
breaks("6.4", "RST_STREAM of 3 bytes", lambda s: frame(RST_STREAM, 0, s, bytes(3)), FRAME_SIZE_ERROR)
breaks("6.5", "ACK with a payload", lambda s: frame(SETTINGS, ACK, 0, b"\0"), FRAME_SIZE_ERROR)
breaks("6.5", "SETTINGS on a stream", lambda s: frame(SETTINGS, 0, s, bytes(6)), PROTOCOL_ERROR)
breaks("6.5", "SETTINGS of 5 bytes", lambda s: frame(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR)
breaks("6.5.2", "ENABLE_PUSH 1 of a server", lambda s: settings((ENABLE_PUSH, 1)), PROTOCOL_ERROR)
breaks("6.5.2", "INITIAL_WINDOW_SIZE 2^31", lambda s: settings((WINDOW, 1 << 31)), FLOW_CONTROL_ERROR)
breaks("6.5.2", "MAX_FRAME_SIZE 2^14 - 1", lambda s: settings((MAX_FRAME, 16383)), PROTOCOL_ERROR)
breaks("6.6", "PUSH_PROMISE", lambda s: push_promise(s), PROTOCOL_ERROR)
breaks("6.7", "PING on a stream", lambda s: frame(PING, 0, s, bytes(8)), PROTOCOL_ERROR)
breaks("6.7", "PING of 7 bytes", lambda s: frame(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR)
breaks("6.8", "GOAWAY on a stream", lambda s: frame(GOAWAY, 0, s, bytes(8)), PROTOCOL_ERROR)
breaks("6.9", "WINDOW_UPDATE by 0", lambda s: window(0, 0), PROTOCOL_ERROR)
breaks("6.9.1", "a window beyond 2^31 - 1", lambda s: window(0, 0x7FFFFFFF) * 2, FLOW_CONTROL_ERROR)
breaks("6.10", "CONTINUATION alone", lambda s: continuation(s, OK), PROTOCOL_ERROR)
breaks("HPACK 6.1", "index 0", lambda s: headers(s, raw=OK + b"\x80"), COMPRESSION_ERROR)
breaks("HPACK 6.3", "table beyond HEADER_TABLE_SIZE", lambda s: headers(s, raw=number(1 << 20, 5, 0x20) + OK), COMPRESSION_ERROR)
malformed("8.1", "DATA before the head", lambda s: body(s))
malformed("8.1", "an interim answer that ends", lambda s: head(s, status="103", flags=OPEN | END_STREAM))
malformed("8.3", "no :status", lambda s: headers(s, raw=block([("x", "1")]), flags=OPEN))
malformed("8.3", ":status twice", lambda s: head(s, (":status", "200")))
malformed("8.3", ":status behind a field", lambda s: headers(s, raw=block([("x", "1"), (":status", "200")]), flags=OPEN))
malformed("8.3", "pseudo-header of requests", lambda s: head(s, (":path", "/evil")))
malformed("8.3", "unknown pseudo-header", lambda s: head(s, (":evil", "1")))
malformed("8.6", "101", lambda s: head(s, status="101"))
for value in ("20", "2000", "abc", "", "099", "200 OK", "-20"):
    malformed("8.3.2", ":status %r" % value, lambda s, v=value: head(s, status=v))
for name in ("", "A", "a b", "a\r\nevil: 1", "a\nevil", "a\0", "a:b"):
    malformed("8.2.1", "name %r" % name, lambda s, n=name: head(s, (n, "1")))
for value in ("a\r\nevil: 1", "a\nevil: 1", "a\r\n\r\nevil", "a\0", "a\r"):
    malformed("8.2.1", "value %r" % value, lambda s, v=value: head(s, ("x", v)))
for name in ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"):
    malformed("8.2.2", name, lambda s, n=name: head(s, (n, "chunked")))
for value in ("5, 5", "-5", "5a", "18446744073709551621"):
    malformed("8.1.1", "content-length %r" % value, lambda s, v=value: head(s, ("content-length", v)) + body(s))
malformed("8.1.1", "two content-length", lambda s: head(s, ("content-length", "5"), ("content-length", "6")) + body(s))
malformed("8.1.1", "content-length and no content", lambda s: head(s, ("content-length", "5"), flags=OPEN | END_STREAM))
# The head is with the client by then: it sees that the answer is cut.
malformed("8.1.1", "content-length less than DATA", lambda s: head(s, ("content-length", "4")) + body(s), "cut")
malformed("8.1.1", "content-length more than DATA", lambda s: head(s, ("content-length", "9")) + body(s), "cut")
malformed("8.1", "a second head", lambda s: head(s) + body(s, end=False) + head(s), "cut")
malformed("8.3", "pseudo-header in trailers", lambda s: head(s) + body(s, end=False) + head(s, flags=OPEN | END_STREAM), "cut")


def client(port, out):
    """The status that came, or "cut" where the answer is not whole."""
    said = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while more := sock.recv(65536):
                said += more
    except OSError as error:
        said += str(error).encode()
    said = re.sub(rb"^(HTTP/1.1 1\d\d .*?\r\n\r\n)+", b"", said, flags=re.S)
    first, _, content = said.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", first)
    is_whole = len(content) == int(length[1]) if length else content.endswith(b"0\r\n\r\n") or b"\r\nx-t: 1\r\n\r\n" in content
    out.append("evil" if b"evil" in said.lower() else first[9:12].decode() if is_whole else "cut")


def accept(server):
    sock, _ = server.accept()
    peer = Peer(sock, timeout=5)
    while len(peer.rest) < PREFACE_SIZE:
        peer.rest += sock.recv(65536)
    peer.rest = peer.rest[PREFACE_SIZE:]
    peer.send(settings() + frame(SETTINGS, ACK, 0))
    return peer


def said_to(peer, kind, code):
    if kind is None and code:
        peer.wait_end()
        return
    if kind is None:
        peer.send(ping(b"areyouok"))
        peer.wait(lambda f: f.kind == PING and f.payload == b"areyouok", "PING acknowledged")
        return
    f = peer.wait(lambda f: f.kind in (GOAWAY, RST_STREAM), "%s %s" % (TYPES[kind], ERRORS[code]))
    if f.kind == RST_STREAM and kind == GOAWAY or f.code != code:
        raise Wrong("%s came, not %s %s" % (f, TYPES[kind], ERRORS[code]))
    if f.kind == GOAWAY:
        peer.wait_end()


def run(port, server, case):
    section, what, make, status, kind, code = case
    got = []
    asks = threading.Thread(target=client, args=(port, got))
    asks.start()
    peer = accept(server)
    try:
        stream = peer.wait(lambda f: f.fields, "a request").stream
        peer.send(make(stream))
        said_to(peer, kind, code)
    except (Wrong, OSError, struct.error) as error:
        return "%s %s: %s" % (section, what, error)
    finally:
        asks.join()
        peer.close()
    return None if got == [status] else "%s %s: the client got %s, not %s" % (section, what, got[0], status)


def main():
    server = socket.create_server(("127.0.0.1", int(sys.argv[2])))
    server.settimeout(5)
    wrong = [line for case in CASES if (line := run(int(sys.argv[1]), server, case))]
    print("\n".join(wrong))
    print("%d cases, %d wrong" % (len(CASES), len(wrong)))
    sys.exit(bool(wrong))


main()
