#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""raw.py PORT [-2]: sends stdin to the loopback as it is and prints what comes, until the peer ends.

-2 sends a PROXY protocol v2 header first: a client 198.51.100.7:4711 of 203.0.113.9:443.
Status 1 if the peer resets the connection or says nothing for ten seconds."""
import socket
import struct
import sys

# PROXY protocol specification, section 2.2: signature, version 2 command PROXY, TCP over IPv4, 12 bytes.
PROXY_V2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12) + socket.inet_aton("198.51.100.7")
            + socket.inet_aton("203.0.113.9") + struct.pack(">HH", 4711, 443))


def main():
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
    peer.sendall((PROXY_V2 if "-2" in sys.argv else b"") + sys.stdin.buffer.read())
    try:
        while data := peer.recv(65536):
            sys.stdout.buffer.write(data)
    except OSError as e:
        sys.exit(f"raw.py: {e}")


main()
