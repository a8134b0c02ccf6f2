#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many living HTTP/1.1 connections, each asking again and again, to see whether any is ever hurt.

steady.py [--connections N] [--interval SECONDS] [--seconds S] [--fresh] URL...

Opens N connections to each URL's host and port, sends a request on each every INTERVAL, and goes on until
SECONDS have passed or SIGTERM comes. A connection is expected to be answered by the same backend (first
word of the body) as long as it lives. With --fresh each request has a connection of its own.
Prints one JSON object: {"requests", "failed", "moved", "slowest_ms", "backends": {name: connections},
"errors": [..]}. Exit status 0 if nothing failed and nothing moved.
"""
import argparse
import asyncio
import json
import signal
import sys
import time
from urllib.parse import urlsplit

TIMEOUT_S = 8.0  # longer than a few TCP retransmissions: what is late is not lost, what is lost shows


class Tally:
    def __init__(self):
        self.requests = self.failed = self.moved = 0
        self.slowest = 0.0
        self.backends = {}
        self.errors = []

    def fail(self, what):
        self.failed += 1
        if len(self.errors) < 10:
            self.errors.append(what)


async def ask(reader, writer, host):
    writer.write(f'GET / HTTP/1.1\r\nHost: {host}\r\n\r\n'.encode())
    await writer.drain()
    head = await reader.readuntil(b'\r\n\r\n')
    if b' 200 ' not in head.split(b'\r\n', 1)[0]:
        raise OSError(head.split(b'\r\n', 1)[0].decode())
    length = int(next(l for l in head.lower().split(b'\r\n') if l.startswith(b'content-length:')).split(b':')[1])
    return (await reader.readexactly(length)).decode().strip()


async def connection(tally, url, args, stop, delay):
    parts = urlsplit(url)
    writer = None
    backend = None
    await asyncio.sleep(delay)
    while not stop.is_set():
        begin = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if writer is None:
                    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
                answer = await ask(reader, writer, parts.hostname)
            tally.requests += 1
            if backend is None:
                tally.backends[answer] = tally.backends.get(answer, 0) + 1
            elif answer != backend:
                tally.moved += 1
            backend = answer
        except (OSError, EOFError, TimeoutError, asyncio.TimeoutError) as e:
            tally.fail(f'{url} after {time.monotonic() - begin:.2f} s with {backend}: {type(e).__name__} {e}')
        tally.slowest = max(tally.slowest, time.monotonic() - begin)
        if args.fresh or tally.failed and writer is not None and writer.is_closing():
            if writer is not None:
                writer.close()
            writer = backend = None
        try:
            await asyncio.wait_for(stop.wait(), args.interval)
        except (TimeoutError, asyncio.TimeoutError):
            pass
    if writer is not None:
        writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--connections', type=int, default=20)
    parser.add_argument('--interval', type=float, default=0.05)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--fresh', action='store_true')
    parser.add_argument('url', nargs='+')
    args = parser.parse_args()
    tally = Tally()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.call_later(args.seconds, stop.set)
    await asyncio.gather(*(connection(tally, url, args, stop, i * args.interval / args.connections)
                           for url in args.url for i in range(args.connections)))
    print(json.dumps({'requests': tally.requests, 'failed': tally.failed, 'moved': tally.moved,
                      'slowest_ms': round(tally.slowest * 1000), 'backends': tally.backends,
                      'errors': tally.errors}))
    return 1 if tally.failed or tally.moved or not tally.requests else 0


sys.exit(asyncio.run(main()))
