#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""ws_server.py PORT: WebSockets by Python's websockets: echoes."""
import asyncio
import sys

import websockets


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main():
    async with websockets.serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=None):
        await asyncio.Future()


asyncio.run(main())
