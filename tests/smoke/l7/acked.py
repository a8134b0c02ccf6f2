#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""acked.py PORT: event streams by Python's HTTP server, which speaks HTTP/1.0 and ends a stream by closing. A piece, half
an event, is sent only after POST /ack?id=ID&n=BYTES said that the client has all bytes before it."""
import http.server
import queue
import sys
from urllib.parse import parse_qs, urlsplit

N_EVENTS = 40
PIECES = [piece for i in range(N_EVENTS) for piece in (f"id: {i}\nda", f"ta: event {i}\n\n")]
acks = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, content_type):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()

    def asked(self, name):
        return parse_qs(urlsplit(self.path).query)[name][0]

    def do_GET(self):
        sent = 0
        mine = acks.setdefault(self.asked("id"), queue.Queue())
        self.answer("text/event-stream; charset=utf-8")
        for piece in PIECES:
            self.wfile.write(piece.encode())
            sent += len(piece)
            while mine.get() != sent:
                pass

    def do_POST(self):
        acks[self.asked("id")].put(int(self.asked("n")))
        self.answer("text/plain")


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
