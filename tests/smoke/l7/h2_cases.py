# SPDX-License-Identifier: BSD-3-Clause
"""What a server answers to frames, right and wrong ones: a table. Each case is its section (of RFC 9113, or of RFC 7541 with
"HPACK" before it), what is sent after the handshake, and what must come: an answer, an acknowledgement, the end of
the stream or of the connection with one of the given codes. In a stream's place the connection may end, too (section
5.4.2). The substance of h2spec's cases is here; what RFC 9113 or RFC 8441 have beyond them is in h2_cases_more.py.

Steps are bytes or functions of the peer; bytes between functions leave in one piece."""
from h2frames import *  # noqa: F403  the words of the table
from h2frames import HAS_PRIORITY, PADDED, Wrong

CASES = []  # section, what is sent, steps, judge


def case(section, what, *steps):
    CASES.append((section, what, steps[:-1], steps[-1]))


# --- what must come ---


def answered(stream=1, status=None):
    def judge(peer):
        f = peer.wait(lambda f: f.fields and f.stream == stream, "an answer on stream %d" % stream)
        if status and f.status != status:
            raise Wrong("%s came, not %s" % (f.status, status))

    judge.good = True
    return judge


def alive(peer):
    """It is as if nothing had been sent."""
    peer.send(ping(b"areyouok"))
    f = peer.wait(lambda f: f.kind == PING and f.payload == b"areyouok" or f.kind == GOAWAY, "PING acknowledged")
    if f.kind == GOAWAY:
        raise Wrong("%s came" % f)


alive.good = True


def acked(payload=PING_DATA):
    def judge(peer):
        peer.wait(lambda f: f.kind == PING and f.flags == ACK and f.payload == payload, "PING acknowledged")

    judge.good = True
    return judge


def first_ping(payload):
    def judge(peer):
        f = peer.wait(lambda f: f.kind == PING, "PING acknowledged")
        if f.payload != payload:
            raise Wrong("PING %r came first" % f.payload)

    return judge


def sends(length, stream=1):
    def judge(peer):
        f = peer.wait(lambda f: f.kind == DATA and f.stream == stream, "DATA of %d bytes" % length)
        if len(f.payload) != length:
            raise Wrong("%s came, not %d bytes" % (f, length))

    judge.good = True
    return judge


def connection_error(*codes):
    """GOAWAY with one of the codes, and the end behind it."""

    def judge(peer):
        f = peer.wait(lambda f: f.kind == GOAWAY, "GOAWAY " + " or ".join(ERRORS[c] for c in codes))
        if f.code not in codes:
            raise Wrong("%s came, not %s" % (f, " or ".join(ERRORS[c] for c in codes)))
        peer.wait_end()

    return judge


def stream_error(*codes, stream=1):
    def judge(peer):
        names = " or ".join(ERRORS[c] for c in codes)
        f = peer.wait(lambda f: f.kind == GOAWAY or f.kind == RST_STREAM and f.stream == stream, "RST_STREAM " + names)
        if f.code not in codes:
            raise Wrong("%s came, not %s" % (f, names))
        if f.kind == GOAWAY:
            peer.wait_end()

    return judge


def closed(peer):
    peer.wait_end()


# --- steps ---


def whole(stream=1):
    def step(peer):
        peer.wait(lambda f: f.stream == stream and f.ends, "the end of the answer on stream %d" % stream)

    return step


def settled(*pairs):
    def step(peer):
        peer.send(settings(*pairs))
        peer.wait(lambda f: f.kind == SETTINGS and f.flags & ACK, "SETTINGS acknowledged")

    return step


def with_settings(make):
    """What depends on what the peer has announced."""
    return lambda peer: peer.send(make(peer.settings))


def block_of(*extra, **what):
    return block(request(extra=extra, **what))


def field(name, value):
    return block([(name, value)])


OPEN = END_HEADERS  # HEADERS that leave the stream open
LAST = END_STREAM
MORE = field("x-dummy", "1")
RAW_TEST = b"\x85\xf2\xb2\x4a\x84\xff"  # x-test, Huffman coded
RAW_AGENT = b"\x87\xb5\x05\xb1\x61\xcc\x5a\x93"  # user-agent, Huffman coded
RAW_VALUE = b"\x84\x9c\x48\xac\xa4"  # h2spec, Huffman coded

# --- 3 starting HTTP/2; the preface is a step of its own in h2_conformance.py ---

case("3.4", "request behind the preface", headers(), answered())

# --- 4 frames ---

case("4.1", "frame of unknown type", frame(0x16, 0, 0, bytes(8)), alive)
case("4.1", "frame of unknown type on a stream", headers(flags=OPEN), frame(0x16, 0, 1, bytes(8)), data(), answered())
case("4.1", "undefined flags", frame(PING, 0x16, 0, PING_DATA), acked())
case("4.1", "reserved bit of the stream", frame(PING, 0, 1 << 31, PING_DATA), acked())
case("4.2", "DATA of 2^14 bytes", headers(fields=POST, flags=OPEN), data(payload=bytes(16384)), answered())
case("4.2", "DATA beyond MAX_FRAME_SIZE",
     with_settings(lambda s: headers(fields=POST, flags=OPEN) + data(payload=bytes(s[MAX_FRAME] + 1))), stream_error(FRAME_SIZE_ERROR))
case("4.2", "HEADERS beyond MAX_FRAME_SIZE",
     with_settings(lambda s: headers(raw=block_of(("x", "a" * s[MAX_FRAME])))), connection_error(FRAME_SIZE_ERROR))
case("4.3", "block that is cut", headers(raw=b"\x40"), connection_error(COMPRESSION_ERROR))
case("4.3", "PRIORITY inside a block", headers(flags=0), priority(), continuation(raw=MORE), connection_error(PROTOCOL_ERROR))
case("4.3", "HEADERS of another stream inside a block", headers(flags=0), headers(3), continuation(raw=MORE),
     connection_error(PROTOCOL_ERROR))

# --- 5 streams ---

case("5.1", "idle: DATA", data(), connection_error(PROTOCOL_ERROR))
case("5.1", "idle: RST_STREAM", reset(), connection_error(PROTOCOL_ERROR))
case("5.1", "idle: WINDOW_UPDATE", window(1, 100), connection_error(PROTOCOL_ERROR))
case("5.1", "idle: CONTINUATION", continuation(raw=block_of()), connection_error(PROTOCOL_ERROR))
case("5.1", "idle: PRIORITY", priority(), alive)
case("5.1", "half-closed: DATA", headers(), data(), stream_error(STREAM_CLOSED))
case("5.1", "half-closed: HEADERS", headers(), headers(), stream_error(STREAM_CLOSED))
case("5.1", "half-closed: CONTINUATION", headers(), continuation(raw=MORE), stream_error(STREAM_CLOSED, PROTOCOL_ERROR))
case("5.1", "half-closed: WINDOW_UPDATE", settled((WINDOW, 0)), headers(), window(1, 1), sends(1))
case("5.1", "half-closed: PRIORITY", settled((WINDOW, 0)), headers(), priority(), window(1, 1), sends(1))
case("5.1", "half-closed: RST_STREAM", headers(), reset(), alive)
case("5.1", "reset: DATA", headers(flags=OPEN), reset(), data(), stream_error(STREAM_CLOSED))
case("5.1", "reset: HEADERS", headers(flags=OPEN), reset(), headers(), stream_error(STREAM_CLOSED))
case("5.1", "reset: CONTINUATION", headers(flags=OPEN), reset(), continuation(raw=MORE),
     stream_error(STREAM_CLOSED, PROTOCOL_ERROR))
case("5.1", "closed: DATA", headers(), whole(), data(), connection_error(STREAM_CLOSED))
case("5.1", "closed: HEADERS", headers(), whole(), headers(), connection_error(STREAM_CLOSED))
case("5.1", "closed: CONTINUATION", headers(), whole(), continuation(raw=MORE), connection_error(STREAM_CLOSED, PROTOCOL_ERROR))
case("5.1", "closed: PRIORITY", headers(), whole(), priority(), alive)
case("5.1.1", "even number", headers(2), connection_error(PROTOCOL_ERROR))
case("5.1.1", "number that falls", headers(5), headers(3), connection_error(PROTOCOL_ERROR))
case("5.1.1", "number used twice", headers(5), headers(5), stream_error(STREAM_CLOSED, stream=5))
case("5.1.2", "one stream more than allowed", settled((WINDOW, 0)),
     with_settings(lambda s: b"".join(headers(1 + 2 * i) for i in range(s[MAX_STREAMS] + 1))),
     lambda peer: stream_error(PROTOCOL_ERROR, REFUSED_STREAM, stream=1 + 2 * peer.settings[MAX_STREAMS])(peer))
case("5.4.1", "after GOAWAY with an error the connection ends", frame(PING, 0, 3, bytes(8)), closed)
case("5.4.1", "GOAWAY comes before the end", frame(PING, 0, 3, bytes(8)), connection_error(PROTOCOL_ERROR))
case("5.5", "extension frame", frame(0x16, 0, 0, bytes(8)), alive)
case("5.5", "extension frame inside a block", headers(flags=LAST), frame(0x16, 0, 0, bytes(8)), connection_error(PROTOCOL_ERROR))

# --- 6 frame definitions ---

case("6.1", "one DATA", headers(fields=POST, flags=OPEN), data(), answered())
case("6.1", "several DATA", headers(fields=POST, flags=OPEN), data(end=False), data(), answered())
case("6.1", "DATA with padding", headers(fields=POST, flags=OPEN), frame(DATA, LAST | PADDED, 1, b"\6testpadded"), answered())
case("6.1", "DATA on stream 0", data(0), connection_error(PROTOCOL_ERROR))
case("6.1", "DATA on a half-closed stream", headers(fields=POST), data(), stream_error(STREAM_CLOSED))
case("6.1", "DATA with more padding than length", headers(fields=request("POST", extra=[("content-length", "4")]), flags=OPEN),
     frame(DATA, LAST | PADDED, 1, b"\6Test"), connection_error(PROTOCOL_ERROR))
case("6.2", "HEADERS with padding", frame(HEADERS, LAST | OPEN | PADDED, 1, b"\x08" + block_of() + bytes(8)), answered())
case("6.2", "HEADERS with priority", frame(HEADERS, LAST | OPEN | HAS_PRIORITY, 1, depends() + block_of()), answered())
case("6.2", "block that goes on with PRIORITY", headers(flags=0), priority(), continuation(raw=MORE),
     connection_error(PROTOCOL_ERROR))
case("6.2", "block that goes on with another stream", headers(flags=0), headers(3), connection_error(PROTOCOL_ERROR))
case("6.2", "HEADERS on stream 0", headers(0), connection_error(PROTOCOL_ERROR))
case("6.2", "HEADERS with more padding than length",
     frame(HEADERS, LAST | OPEN | PADDED, 1, bytes([len(block_of()) + 2]) + block_of()), connection_error(PROTOCOL_ERROR))
for name, how in (("weight 1", {"weight": 0}), ("weight 256", {}), ("exclusive", {"exclusive": True})):
    case("6.3", "PRIORITY: " + name, priority(**how), headers(), answered())
case("6.3", "PRIORITY: of an idle stream", priority(3, on=1), headers(), answered())
case("6.3", "PRIORITY of an idle stream, then a lower one is opened", priority(3), headers(1), answered())
case("6.3", "PRIORITY on stream 0", priority(0), connection_error(PROTOCOL_ERROR))
case("6.3", "PRIORITY of 4 bytes", headers(), frame(PRIORITY, 0, 1, bytes(4)), stream_error(FRAME_SIZE_ERROR))
case("6.4", "RST_STREAM", headers(flags=OPEN), reset(), alive)
case("6.4", "RST_STREAM on stream 0", reset(0), connection_error(PROTOCOL_ERROR))
case("6.4", "RST_STREAM of an idle stream", reset(1), connection_error(PROTOCOL_ERROR))
case("6.4", "RST_STREAM of 3 bytes", headers(), frame(RST_STREAM, 0, 1, bytes(3)), connection_error(FRAME_SIZE_ERROR))
case("6.5", "all settings", settled((TABLE_SIZE, 4096), (ENABLE_PUSH, 1), (MAX_STREAMS, 100), (WINDOW, 65535), (MAX_FRAME, 16384),
                                    (MAX_HEAD, 100)), alive)
case("6.5", "ACK with a payload", frame(SETTINGS, ACK, 0, b"\0"), connection_error(FRAME_SIZE_ERROR))
case("6.5", "SETTINGS on stream 1", frame(SETTINGS, 0, 1, b"\0\3\0\0\0\x64"), connection_error(PROTOCOL_ERROR))
case("6.5", "SETTINGS of 8 bytes", frame(SETTINGS, 0, 0, b"\0\3\0\0\0\x64\0\2"), connection_error(FRAME_SIZE_ERROR))
case("6.5.2", "ENABLE_PUSH 2", settings((ENABLE_PUSH, 2)), connection_error(PROTOCOL_ERROR))
case("6.5.2", "INITIAL_WINDOW_SIZE 2^31", settings((WINDOW, 1 << 31)), connection_error(FLOW_CONTROL_ERROR))
case("6.5.2", "MAX_FRAME_SIZE 2^14 - 1", settings((MAX_FRAME, 16383)), connection_error(PROTOCOL_ERROR))
case("6.5.2", "MAX_FRAME_SIZE 2^24", settings((MAX_FRAME, 1 << 24)), connection_error(PROTOCOL_ERROR))
case("6.5.2", "unknown setting", settings((0xFF, 1)), alive)
case("6.5.3", "the last value counts", settled((WINDOW, 100), (WINDOW, 1)), headers(), sends(1))
case("6.5.3", "SETTINGS are acknowledged", settled((ENABLE_PUSH, 0)), alive)
case("6.7", "PING", ping(b"anything"), acked(b"anything"))
case("6.7", "PING that is an acknowledgement is not answered", ping(b"invalid!", ACK), ping(), first_ping(PING_DATA))
case("6.7", "PING on a stream", frame(PING, 0, 1, bytes(8)), connection_error(PROTOCOL_ERROR))
case("6.7", "PING of 6 bytes", frame(PING, 0, 0, bytes(6)), connection_error(FRAME_SIZE_ERROR))
case("6.8", "GOAWAY ends an idle connection", goaway(), closed)
case("6.8", "GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8)), connection_error(PROTOCOL_ERROR))
case("6.9", "WINDOW_UPDATE of the connection", window(0, 1), alive)
case("6.9", "WINDOW_UPDATE of a stream", headers(), window(1, 1), answered())
case("6.9", "WINDOW_UPDATE by 0", window(0, 0), connection_error(PROTOCOL_ERROR))
case("6.9", "WINDOW_UPDATE by 0 of a stream", headers(flags=OPEN), window(1, 0), stream_error(PROTOCOL_ERROR))
case("6.9", "WINDOW_UPDATE of 3 bytes", frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), connection_error(FRAME_SIZE_ERROR))
case("6.9.1", "window of 1", settled((WINDOW, 1)), headers(), sends(1))
case("6.9.1", "window of the connection beyond 2^31 - 1", window(0, 0x7FFFFFFF) * 2, connection_error(FLOW_CONTROL_ERROR))
case("6.9.1", "window of a stream beyond 2^31 - 1", headers(flags=OPEN), window(1, 0x7FFFFFFF) * 2, stream_error(FLOW_CONTROL_ERROR))
case("6.9.2", "the initial window grows", settled((WINDOW, 0)), headers(), settled((WINDOW, 1)), sends(1))
case("6.9.2", "the window gets negative", settled((WINDOW, 3)), headers(), sends(3), settled((WINDOW, 2)), window(1, 2), sends(1))
case("6.9.2", "initial window beyond 2^31 - 1", settings((WINDOW, 1 << 31)), connection_error(FLOW_CONTROL_ERROR))
case("6.10", "one CONTINUATION", headers(flags=LAST, raw=block_of()[:5]), continuation(raw=block_of()[5:]), answered())
case("6.10", "several CONTINUATION", headers(flags=LAST, raw=block_of()[:5]), continuation(raw=block_of()[5:10], end=False),
     continuation(raw=block_of()[10:]), answered())
case("6.10", "CONTINUATION with fields of its own", headers(flags=LAST), continuation(raw=MORE, end=False), continuation(raw=MORE),
     answered())
case("6.10", "CONTINUATION, then DATA", headers(flags=0, fields=POST), continuation(raw=MORE, end=False), data(),
     connection_error(PROTOCOL_ERROR))
case("6.10", "CONTINUATION on stream 0", headers(flags=LAST), continuation(0, MORE), connection_error(PROTOCOL_ERROR))
case("6.10", "CONTINUATION after END_HEADERS", headers(), continuation(raw=MORE), connection_error(PROTOCOL_ERROR))
case("6.10", "CONTINUATION after CONTINUATION with END_HEADERS", headers(flags=LAST), continuation(raw=MORE), continuation(raw=MORE),
     connection_error(PROTOCOL_ERROR))
case("6.10", "CONTINUATION after DATA", headers(flags=0, fields=POST), data(), continuation(raw=MORE), connection_error(PROTOCOL_ERROR))

# --- 7 error codes ---

case("7", "GOAWAY with an unknown code", goaway(0, 0xFF), closed)
case("7", "RST_STREAM with an unknown code", headers(fields=POST, flags=OPEN), reset(1, 0xFF), alive)

# --- 8 HTTP ---

TRAILER = headers(raw=field("x-test", "ok"))
case("8.1", "GET", headers(), answered())
case("8.1", "HEAD", headers(fields=request("HEAD")), answered())
case("8.1", "POST", headers(fields=POST, flags=OPEN), data(), answered())
case("8.1", "POST with trailers", headers(fields=request("POST", extra=[("trailer", "x-test")]), flags=OPEN), data(end=False), TRAILER,
     answered())
case("8.1", "second HEADERS without END_STREAM", headers(fields=POST, flags=OPEN), data(end=False),
     headers(raw=field("x-test", "ok"), flags=OPEN), stream_error(PROTOCOL_ERROR))


def malformed(section, what, fields, *rest):
    case(section, what, headers(fields=fields, flags=OPEN if rest else OPEN | LAST), *rest, stream_error(PROTOCOL_ERROR))


malformed("8.2", "name in capitals", request(extra=[("X-TEST", "ok")]))
malformed("8.3", "unknown pseudo-header", request(extra=[(":test", "ok")]))
malformed("8.3", "pseudo-header of answers", request(extra=[(":status", "200")]))
malformed("8.3", "pseudo-header in trailers", POST, data(end=False), headers(raw=field(":method", "POST"), flags=OPEN))
malformed("8.3", "pseudo-header in trailers that end", POST, data(end=False), headers(raw=field(":method", "POST")))
malformed("8.3", "pseudo-header behind a field", [("x-test", "ok")] + request())
malformed("8.2.2", "connection", request(extra=[("connection", "keep-alive")]))
malformed("8.2.2", "TE that is not trailers", request(extra=[("trailers", "test"), ("te", "trailers, deflate")]))
malformed("8.3.1", "empty :path", request(path=""))
malformed("8.3.1", "no :method", request(method=None))
malformed("8.3.1", "no :scheme", request(scheme=None))
malformed("8.3.1", "no :path", request(path=None))
for name, value in request()[:3]:
    malformed("8.3.1", "%s twice" % name, request()[:3] + [(name, value)])
malformed("8.1.1", "content-length less than DATA", request("POST", extra=[("content-length", "1")]), data())
malformed("8.1.1", "content-length less than all DATA", request("POST", extra=[("content-length", "1")]), data(end=False), data())
case("8.4", "PUSH_PROMISE of a client", push_promise(), connection_error(PROTOCOL_ERROR))

# --- HPACK ---

for name, first in (("with indexing", 0x40), ("without indexing", 0), ("never indexed", 0x10)):
    first = bytes([first])
    case("HPACK 6.2", "literal %s: name and value" % name, headers(raw=block_of() + first + text("user-agent") + text("h2spec")), answered())
    case("HPACK 6.2", "literal %s: Huffman" % name, headers(raw=block_of() + first + RAW_AGENT + RAW_VALUE), answered())
    case("HPACK 6.2", "literal %s: new name" % name, headers(raw=block_of() + first + text("x-test") + text("h2spec")), answered())
    case("HPACK 6.2", "literal %s: new name, Huffman" % name, headers(raw=block_of() + first + RAW_TEST + RAW_VALUE), answered())
case("HPACK 6.1", "index of the static table", headers(raw=block_of() + b"\xba"), answered())
case("HPACK 6.2", "literal whose name is indexed", headers(raw=block_of() + b"\x7a" + text("h2spec")), answered())
case("HPACK 6.3", "table size 0", headers(raw=b"\x20" + block_of()), answered())
case("HPACK 4.2", "table sizes 0 and 4096", headers(raw=b"\x20\x3f\xe1\x1f" + block_of()), answered())


def undecodable(section, what, raw):
    case("HPACK " + section, what, headers(raw=raw), connection_error(COMPRESSION_ERROR))


undecodable("2.3.3", "index beyond both tables", block_of() + b"\xfe")
undecodable("4.2", "table size behind fields", block_of() + b"\x21")
undecodable("5.2", "Huffman with more than 7 bits of padding", block_of() + b"\0" + RAW_TEST + b"\x84\x49\x50\x9f\xff")
undecodable("5.2", "Huffman padded with zeros", block_of() + b"\0" + RAW_TEST + b"\x83\x49\x50\x90")
undecodable("5.2", "Huffman with EOS", block_of() + b"\0" + RAW_TEST + b"\x87\xff\xff\xff\xfd\x25\x42\x7f")
undecodable("6.1", "index 0", block_of() + b"\x80")
case("HPACK 6.3", "table size beyond HEADER_TABLE_SIZE",
     with_settings(lambda s: headers(raw=number(s[TABLE_SIZE] + 1, 5, 0x20) + block_of())), connection_error(COMPRESSION_ERROR))
