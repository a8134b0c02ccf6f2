# SPDX-License-Identifier: BSD-3-Clause
"""Cases beyond h2spec's: what RFC 9113 says where RFC 7540 was silent or other, and RFC 8441. See h2_cases.py."""
from h2_cases import (LAST, MORE, OPEN, alive, answered, block_of, case, connection_error, field, malformed, settled, sends,
                      stream_error, whole, with_settings)
from h2frames import *  # noqa: F403  the words of the table
from h2frames import HAS_PRIORITY, PADDED, Wrong


def refused(*statuses):
    """A refusal in HTTP, or one of the stream."""

    def judge(peer):
        f = peer.wait(lambda f: f.fields and f.stream == 1 or f.kind in (RST_STREAM, GOAWAY), "a refusal")
        if f.kind == GOAWAY or f.fields and f.status not in statuses:
            raise Wrong("%s came" % f)

    return judge


def refused_head(what, fields, *statuses):
    case("8.3.1", what, headers(fields=fields), refused(*statuses or ("400",)))


def let_go(peer):
    peer.wait_end()


let_go.good = None  # who does not look at frames does so, too


def announces(setting, value):
    def judge(peer):
        if peer.settings.get(setting) != value:
            raise Wrong("SETTINGS %d is %s" % (setting, peer.settings.get(setting)))
        alive(peer)

    return judge


# --- 5 and 6: frames ---

case("5.3.1", "HEADERS that depend on themselves", frame(HEADERS, LAST | OPEN | HAS_PRIORITY, 1, depends(1) + block_of()),
     stream_error(PROTOCOL_ERROR))
case("5.3.1", "PRIORITY that depends on itself", priority(1, on=1), stream_error(PROTOCOL_ERROR))
case("4.1", "reserved bit of HEADERS", frame(HEADERS, LAST | OPEN, 1 | 1 << 31, block_of()), answered())
case("4.2", "empty DATA", headers(fields=POST, flags=OPEN), data(payload=b"", end=False), data(payload=b""), answered())
case("4.3", "empty block", headers(raw=b""), stream_error(PROTOCOL_ERROR))
case("4.3", "trailers that are empty", headers(fields=POST, flags=OPEN), data(end=False), frame(HEADERS, LAST | OPEN, 1), answered())
case("4.3", "a refused stream's block is decoded",  # the next one refers to what it put into the table
     headers(raw=block_of(("X-BAD", "1")) + b"\x40" + text("x-kept") + text("1")), headers(3, raw=block_of() + b"\xbe"), answered(3))
case("5.1", "trailers, then DATA", headers(fields=POST, flags=OPEN), data(end=False), headers(raw=MORE), data(), stream_error(STREAM_CLOSED))
case("5.1.1", "the highest number", headers(0x7FFFFFFF), answered(0x7FFFFFFF))
case("5.1.1", "numbers may be left out", headers(9), answered(9))
case("6.1", "DATA that is only padding", headers(fields=POST, flags=OPEN), frame(DATA, PADDED, 1, b"\xff" + bytes(255)), data(), answered())
case("6.2", "HEADERS with padding and priority", frame(HEADERS, LAST | OPEN | PADDED | HAS_PRIORITY, 1, b"\4" + depends() + block_of() + bytes(4)),
     answered())
case("6.4", "RST_STREAM of 5 bytes", headers(), frame(RST_STREAM, 0, 1, bytes(5)), connection_error(FRAME_SIZE_ERROR))
case("6.5", "empty SETTINGS", settled(), alive)
case("6.5.2", "MAX_FRAME_SIZE 2^24 - 1", settled((MAX_FRAME, (1 << 24) - 1)), headers(), answered())
case("6.5.2", "HEADER_TABLE_SIZE 0", settled((TABLE_SIZE, 0)), headers(), answered())
case("6.5.2", "HEADER_TABLE_SIZE that falls and rises", settled((TABLE_SIZE, 0), (TABLE_SIZE, 4096)), headers(), answered())
case("6.5.3", "a window of 0 holds back content only", settled((WINDOW, 0)), headers(), answered())
case("6.7", "PING of 9 bytes", frame(PING, 0, 0, bytes(9)), connection_error(FRAME_SIZE_ERROR))
case("6.8", "GOAWAY of 7 bytes", frame(GOAWAY, 0, 0, bytes(7)), connection_error(FRAME_SIZE_ERROR))
case("6.8", "what was begun before GOAWAY is answered", settled((WINDOW, 0)), headers(), goaway(), window(1, 1), sends(1))
case("6.9", "WINDOW_UPDATE of a closed stream", headers(), whole(), window(1, 1), alive)
case("6.9", "WINDOW_UPDATE of 5 bytes", frame(WINDOW_UPDATE, 0, 0, bytes(5)), connection_error(FRAME_SIZE_ERROR))
case("6.10", "empty CONTINUATION", headers(flags=LAST), continuation(end=False), continuation(), answered())
case("6.10", "CONTINUATION of another stream", headers(flags=LAST), continuation(3, MORE), connection_error(PROTOCOL_ERROR))
case("6.10", "PING inside a block", headers(flags=LAST), ping(), continuation(raw=MORE), connection_error(PROTOCOL_ERROR))
case("6.10", "the connection ends inside a block", headers(flags=LAST), lambda peer: peer.finish(), let_go)

# --- 8.2 fields ---

for name in ("", "a b", "a\0", "a\rb", "a\nb", "a\r\nb: c", "a:b", " a", "a ", "\x7f", "a\xe4", "a(", "a/b", "A", "te:"):
    malformed("8.2.1", "name %r" % name, request(extra=[(name, "1")]))
for value in ("a\0", "a\rb", "a\nb", "a\r\nb: c", " a", "a ", "\ta", "a\t", "\r\n"):
    malformed("8.2.1", "value %r" % value, request(extra=[("x-test", value)]))
for value in ("", "a\tb", "a b", "\xe4\xff", "\"(),/:;<=>?@[\\]{}"):
    case("8.2.1", "value %r is right" % value, headers(fields=request(extra=[("x-test", value)])), answered())
for name in ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"):
    malformed("8.2.2", name, request(extra=[(name, "chunked" if name == "transfer-encoding" else "x")]))
    malformed("8.2.2", name + " in trailers", POST, data(end=False), headers(raw=field(name, "x")))
malformed("8.2.2", "TE gzip", request(extra=[("te", "gzip")]))
case("8.2.2", "TE trailers", headers(fields=request(extra=[("te", "trailers")])), answered())
case("8.2.3", "cookies in pieces", headers(fields=request(extra=[("cookie", "a=1"), ("cookie", "b=2")])), answered())

# --- 8.3 pseudo-header fields ---

for name, value in (("value with a line feed", "/\n"), ("blank", "/ HTTP/1.1"), ("NUL", "/\0"), ("line end", "/ HTTP/1.1\r\nx: y")):
    malformed("8.3.1", ":path with " + name, request(path=value))
malformed("8.3.1", ":method with a blank", request("GET /evil"))
malformed("8.3.1", ":method with a line end", request("GET\r\nx"))
malformed("8.3.1", "empty :method", request(""))
malformed("8.3.1", ":authority with a line end", request(authority="a\r\nx: y"))
malformed("8.3.1", ":authority twice", request() + [(":authority", "localhost")])
malformed("8.3.1", ":path without /", request(path="evil"))
malformed("8.3.1", ":path * of GET", request(path="*"))
refused_head(":authority with a user", request(authority="me@localhost"))
refused_head(":authority with a path", request(authority="localhost/evil"))
refused_head("Host and :authority differ", request(extra=[("host", "evil")]))
refused_head("no :authority, no Host", request(authority=None))
refused_head("Host twice", request(authority=None, extra=[("host", "a"), ("host", "b")]))
refused_head(":path with a scheme", request(path="http://evil/"))
refused_head(":scheme that is none", request(scheme="http://evil/?"))
case("8.3.1", "Host instead of :authority", headers(fields=request(authority=None, extra=[("host", "localhost")])), answered())
case("8.3.1", "Host that equals :authority", headers(fields=request(extra=[("host", "localhost")])), answered())
case("8.3.1", "OPTIONS *", headers(fields=request("OPTIONS", "*")), answered())

# --- 8.1.1 content-length ---

for value in ("4, 4", "4,5", "+4", "-4", "0x4", "4 ", "", "4a", "18446744073709551620"):
    malformed("8.1.1", "content-length %r" % value, request("POST", extra=[("content-length", value)]), data())
malformed("8.1.1", "two content-length", request("POST", extra=[("content-length", "4"), ("content-length", "5")]), data())
malformed("8.1.1", "content-length without content", request("POST", extra=[("content-length", "4")]))
malformed("8.1.1", "content-length more than DATA", request("POST", extra=[("content-length", "5")]), data())
malformed("8.1.1", "content-length more than DATA before trailers", request("POST", extra=[("content-length", "5")]), data(end=False),
          headers(raw=MORE))
case("8.1.1", "content-length equals DATA", headers(fields=request("POST", extra=[("content-length", "4")]), flags=OPEN), data(), answered())
case("8.1.1", "content-length 0", headers(fields=request("POST", extra=[("content-length", "0")])), answered())

# --- 8.5 CONNECT, RFC 8441 ---

case("RFC 8441 3", "extended CONNECT is announced", announces(ENABLE_CONNECT, 1))
case("8.5", "CONNECT", headers(fields=request("CONNECT", None, None, "localhost:80"), flags=OPEN), refused("400", "404", "405", "501"))
malformed("8.5", "CONNECT with :path", request("CONNECT", "/", None))
malformed("8.5", "CONNECT with :scheme", request("CONNECT", None, "http"))
malformed("8.5", "CONNECT without :authority", request("CONNECT", None, None, None))
malformed("RFC 8441 4", ":protocol of GET", request()[:4] + [(":protocol", "websocket")])
malformed("RFC 8441 4", ":protocol without :path", request("CONNECT", None)[:3] + [(":protocol", "websocket")])
malformed("RFC 8441 4", ":protocol twice", request("CONNECT") + [(":protocol", "websocket")] * 2)
case("RFC 8441 4", "unknown :protocol", headers(fields=request("CONNECT") + [(":protocol", "carrier-pigeon")], flags=OPEN),
     refused("400", "404", "405", "501"))
