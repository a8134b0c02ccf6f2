#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""h2_hold.py PORT COUNT [tls]: opens COUNT connections of HTTP/2 to the loopback, asks one request on each and says "open COUNT".
Then by line on stdin: check, asks one on each and says "alive N"; quit."""
import socket
import ssl
import struct
import sys

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)
SETTINGS_ACK = bytes(3) + b"\4\1" + bytes(4)
HEAD = b"\x82\x86\x84\x41\x09localhost"  # GET http / and an authority: RFC 7541, appendix A
END_STREAM = 1


class Connection:
    def __init__(self, port, context):
        self.sock = socket.create_connection(("127.0.0.1", port), 30)
        if context:
            self.sock = context.wrap_socket(self.sock)
            assert self.sock.selected_alpn_protocol() == "h2"
        self.sock.sendall(PREFACE)
        self.stream, self.rest = 1, b""

    def frame(self):
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            more = self.sock.recv(65536)
            if not more:
                raise OSError("closed")
            self.rest += more
        length = int.from_bytes(self.rest[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.rest[3:9])
        self.rest = self.rest[9 + length :]
        return kind, flags, stream

    def ask(self):
        """Whether the answer came whole."""
        self.sock.sendall(struct.pack(">I", len(HEAD))[1:] + struct.pack(">BBI", 1, 5, self.stream) + HEAD)
        while True:
            kind, flags, stream = self.frame()
            if kind == 4 and not flags:
                self.sock.sendall(SETTINGS_ACK)
            if stream == self.stream and kind == 3:
                return False
            if stream == self.stream and flags & END_STREAM:
                self.stream += 2
                return True


def alive(connection):
    try:
        return connection.ask()
    except OSError:
        return False


def main():
    port, count, context = int(sys.argv[1]), int(sys.argv[2]), None
    if sys.argv[3:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
    connections = [Connection(port, context) for _ in range(count)]
    print("open", sum(map(alive, connections)), flush=True)
    for line in sys.stdin:
        if line.strip() == "check":
            print("alive", sum(map(alive, connections)), flush=True)
        else:
            break


main()
