#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""h2_controls.py PORT lax|rude: servers that h2_conformance.py must not be content with. The lax one takes whatever comes and
answers it; the rude one ends each connection with INTERNAL_ERROR once it has shaken hands."""
import socket
import sys
import threading

from h2frames import (ACK, CONTINUATION, END_HEADERS, END_STREAM, HEADERS, INTERNAL_ERROR, PING, PREFACE, SETTINGS, block, data, frame,
                      goaway, settings)


def frames(sock):
    rest = b""
    while more := sock.recv(65536):
        rest += more
        rest = rest.removeprefix(PREFACE)
        while len(rest) >= 9 and len(rest) >= 9 + (length := int.from_bytes(rest[:3], "big")):
            yield rest[3], rest[4], int.from_bytes(rest[5:9], "big"), rest[9 : 9 + length]
            rest = rest[9 + length :]


def lax(sock, kind, flags, stream, payload):
    if kind == SETTINGS and not flags & ACK:
        sock.sendall(frame(SETTINGS, ACK, 0))
    elif kind == PING:
        sock.sendall(frame(PING, ACK, 0, payload))
    elif kind in (HEADERS, CONTINUATION) and flags & END_HEADERS:
        sock.sendall(frame(HEADERS, END_HEADERS, stream, block([(":status", "200")])) + data(stream, b"hello"))


def rude(sock, kind, flags, _stream, _payload):
    if kind == SETTINGS and not flags & ACK:
        sock.sendall(frame(SETTINGS, ACK, 0))
    elif kind != SETTINGS:
        sock.sendall(goaway(0, INTERNAL_ERROR))
        sock.shutdown(socket.SHUT_WR)


def serve(sock, act):
    try:
        sock.sendall(settings((3, 100)))
        for each in frames(sock):
            act(sock, *each)
    except OSError:
        pass
    sock.close()


def main():
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=256)
    while True:
        threading.Thread(target=serve, args=(server.accept()[0], {"lax": lax, "rude": rude}[sys.argv[2]]), daemon=True).start()


main()
