#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""events.py PORT NAME: an event stream for whoever asks, an event each 20 ms, N of them for /events?N (100).

Each event is "data: NAME NUMBER"; the last one is followed by the end of the stream. Any other path: the name."""

import asyncio
import sys


async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1].decode()
            if not path.startswith("/events"):
                body = (sys.argv[2] + "\n").encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                continue
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for i in range(int(path.partition("?")[2] or 100)):
                event = b"data: %s %d\n\n" % (sys.argv[2].encode(), i)
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                await writer.drain()
                await asyncio.sleep(0.02)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
