# SPDX-License-Identifier: BSD-3-Clause
"""HTTP/2 frames as bytes (RFC 9113 section 4), and a client that sends any of them, right or wrong.

Fields are encoded as literals without indexing (RFC 7541 section 6.2.2), byte by byte as they are given: nothing
is put right. What comes is decoded by python3-hpack."""
import socket
import ssl
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TYPES = "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION".split()
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 1, 1, 4, 8, 32
ERRORS = """NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR
REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED""".split()
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, WINDOW, MAX_FRAME, MAX_HEAD = 1, 2, 3, 4, 5, 6
ENABLE_CONNECT = 8  # RFC 8441
DEFAULT_WINDOW = 65535
PING_DATA = b"h2frames"


# --- frames ---


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def number(value, bits, first=0):
    """An integer with a prefix of `bits` bits (RFC 7541 section 5.1)."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = bytes([first | limit]), value - limit
    while value >= 128:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def text(value):
    value = value if isinstance(value, bytes) else value.encode("latin-1")
    return number(len(value), 7) + value


def block(fields):
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def request(method="GET", path="/", scheme="http", authority="localhost", extra=()):
    pseudo = [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)]
    return [(name, value) for name, value in pseudo if value is not None] + list(extra)


POST = request("POST")


def headers(stream=1, fields=None, flags=END_STREAM | END_HEADERS, raw=None):
    return frame(HEADERS, flags, stream, block(fields or request()) if raw is None else raw)


def data(stream=1, payload=b"test", end=True):
    return frame(DATA, END_STREAM if end else 0, stream, payload)


def continuation(stream=1, raw=b"", end=True):
    return frame(CONTINUATION, END_HEADERS if end else 0, stream, raw)


def depends(on=0, weight=255, exclusive=False):
    return struct.pack(">IB", on | (1 << 31 if exclusive else 0), weight)


def priority(stream=1, on=0, weight=255, exclusive=False):
    return frame(PRIORITY, 0, stream, depends(on, weight, exclusive))


def reset(stream=1, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


def ping(payload=PING_DATA, flags=0):
    return frame(PING, flags, 0, payload)


def goaway(last=0, code=NO_ERROR, debug=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + debug)


def window(stream=0, by=1):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", by))


def push_promise(stream=1, promised=2, fields=None):
    return frame(PUSH_PROMISE, END_HEADERS, stream, struct.pack(">I", promised) + block(fields or request()))


# --- the client ---


class Wrong(Exception):
    """What came is not what should have come."""


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload
        self.fields = None  # of the block that this frame completes

    @property
    def ends(self):
        return self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM)

    @property
    def code(self):
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack_from(">I", self.payload, at)[0] if self.kind in (RST_STREAM, GOAWAY) else None

    @property
    def last(self):
        return struct.unpack_from(">I", self.payload)[0] & 0x7FFFFFFF

    @property
    def pairs(self):
        return [struct.unpack_from(">HI", self.payload, at) for at in range(0, len(self.payload) - 5, 6)]

    @property
    def status(self):
        return dict(self.fields or []).get(b":status", b"").decode()

    def __str__(self):
        name = TYPES[self.kind] if self.kind < len(TYPES) else "type %d" % self.kind
        what = ""
        if self.code is not None:
            what = " " + (ERRORS[self.code] if self.code < len(ERRORS) else str(self.code))
        elif self.status:
            what = " " + self.status
        elif self.kind == DATA:
            what = " %d bytes" % len(self.payload)
        return "%s%s%s%s" % (name, what, " stream %d" % self.stream if self.stream else "", " end" if self.ends else "")


def connect(port, tls=False, timeout=2.0, host="localhost", alpn="h2"):
    sock = socket.create_connection(("127.0.0.1", port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    sock = context.wrap_socket(sock, server_hostname=host)
    if sock.selected_alpn_protocol() != alpn:
        raise Wrong("ALPN chose %s, not %s" % (sock.selected_alpn_protocol(), alpn))
    return sock


class Peer:
    """One connection, to a port of the loopback or of a socket; every wait ends `timeout` seconds after it began, unless it is
    given more."""

    def __init__(self, port, tls=False, timeout=2.0):
        self.timeout, self.deadline = timeout, time.monotonic() + timeout
        self.sock = port if isinstance(port, socket.socket) else connect(port, tls, timeout)
        self.frames, self.rest, self.is_closed = [], b"", False
        self.decoder, self.open_block = hpack.Decoder(max_header_list_size=1 << 20), None
        self.settings = {MAX_FRAME: 16384, WINDOW: DEFAULT_WINDOW, TABLE_SIZE: 4096}
        self.windows = {0: DEFAULT_WINDOW}  # what the updates that came add up to; those of streams less their initial one

    def close(self):
        self.sock.close()

    def send(self, what):
        try:
            self.sock.settimeout(max(self.deadline - time.monotonic(), 0.01))
            self.sock.sendall(what)
        except OSError:
            pass  # it has closed the connection: the reader sees how

    def begin(self, *pairs):
        """The preface and SETTINGS, both ways, and both acknowledged."""
        self.send(PREFACE + settings(*pairs))
        first = self.wait(lambda f: True, "SETTINGS as the first frame")
        if first.kind != SETTINGS or first.flags & ACK:
            raise Wrong("the first frame is %s" % first)
        self.settings.update(first.pairs)
        self.send(frame(SETTINGS, ACK, 0))
        self.wait(lambda f: f.kind == SETTINGS and f.flags & ACK, "SETTINGS acknowledged")
        return self

    def finish(self):
        """Ends our direction, as a client does that has said all."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def extend(self, seconds):
        self.deadline = time.monotonic() + seconds

    def take(self):
        """The next frame; None: the connection has ended."""
        while True:
            if len(self.rest) >= 9:
                length = int.from_bytes(self.rest[:3], "big")
                if len(self.rest) >= 9 + length:
                    return self.cut(length)
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout()
            self.sock.settimeout(left)
            try:
                more = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError):
                more = b""
            if not more:
                self.is_closed = True
                return None
            self.rest += more

    def cut(self, length):
        kind, flags, stream = struct.unpack(">BBI", self.rest[3:9])
        f = Frame(kind, flags, stream & 0x7FFFFFFF, self.rest[9 : 9 + length])
        self.rest = self.rest[9 + length :]
        self.frames.append(f)
        if kind in (HEADERS, CONTINUATION):
            self.decode(f)
        elif kind == WINDOW_UPDATE:
            self.windows[f.stream] = self.windows.get(f.stream, 0) + struct.unpack(">I", f.payload)[0]
        return f

    def room(self, stream, sent):
        """What may still be sent on a stream, and on the connection if it is the only one, when `sent` bytes have left."""
        return min(self.windows[0], self.windows.get(stream, 0) + self.settings[WINDOW]) - sent

    def decode(self, f):
        begun = (self.open_block or b"") + f.payload
        if f.flags & END_HEADERS:
            f.fields, self.open_block = self.decoder.decode(begun, raw=True), None
        else:
            self.open_block = begun

    def wait(self, test, what):
        """The next frame of which `test` holds; what comes before is in `frames`."""
        try:
            while f := self.take():
                if test(f):
                    return f
        except socket.timeout:
            pass
        came = ", ".join(str(f) for f in self.frames if f.kind not in (SETTINGS, WINDOW_UPDATE)) or "nothing"
        raise Wrong("%s expected; %s%s came" % (what, came, ", the end" if self.is_closed else ""))

    def wait_end(self):
        """The end of the connection, whatever comes before it."""
        if not self.drain():
            self.wait(lambda f: False, "the end of the connection")

    def drain(self):
        """Reads until the end; False: it did not come."""
        try:
            while self.take():
                pass
        except socket.timeout:
            return False
        return True

    def answer(self, stream=1):
        """The final status, the fields and the content of the answer on `stream`."""
        head = self.wait(lambda f: f.stream == stream and f.fields and not f.status.startswith("1"), "an answer")
        content, last = b"", head
        while not last.ends:
            last = self.wait(lambda f: f.stream == stream and f.kind in (DATA, HEADERS), "the rest of the answer")
            if last.kind == DATA:
                content += last.payload
                if last.payload:
                    self.send(window(0, len(last.payload)) + window(stream, len(last.payload)))
        return head.status, head.fields, content

    def ask(self, stream, fields=None, content=None):
        if content is None:
            self.send(headers(stream, fields))
        else:
            self.send(headers(stream, fields, END_HEADERS) + data(stream, content))
        return self.answer(stream)
