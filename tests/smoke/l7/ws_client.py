#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""ws_client.py WHAT URL, by Python's websockets; status 0 if all was as it should be:
  echo   messages of all lengths of length, all sent before the first is awaited; ping and pong; a close with 4000
  end    awaits the end and prints its code; says "open" before
  slow   says "open", reads nothing until it gets a line on stdin, then all: prints how many bytes came, and the code
  push   sends messages of 1 MB until one does not leave for a second; prints how many did"""
import asyncio
import os
import sys

import websockets

LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 1000000]
MESSAGES = [m for n in LENGTHS for m in (os.urandom(n), "ä" * (n // 2))]


async def echo(ws):
    assert any(e.name == "permessage-deflate" for e in ws.extensions)
    sender = asyncio.create_task(send_all(ws))
    for i, message in enumerate(MESSAGES):
        assert await ws.recv() == message, f"message {i}"
    await sender
    await asyncio.wait_for(await ws.ping("are you there"), 5)
    await ws.close(4000, "bye")
    assert ws.close_code == 4000, ws.close_code


async def send_all(ws):
    for message in MESSAGES:
        await ws.send(message)


async def end(ws):
    print("open", flush=True)
    await ws.wait_closed()
    print(ws.close_code)


async def slow(ws):
    ws.transport.pause_reading()
    print("open", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    ws.transport.resume_reading()
    print(sum([len(m) async for m in ws]), ws.close_code)


async def push(ws):
    n = 0
    try:
        while n < 200:
            await asyncio.wait_for(ws.send(bytes(1000000)), 1)
            n += 1
    except asyncio.TimeoutError:
        pass
    print(n, flush=True)
    os._exit(0)  # a close would wait behind what did not leave


async def main():
    compression = "deflate" if sys.argv[1] == "echo" else None
    async with websockets.connect(sys.argv[2], max_size=None, compression=compression, ping_interval=None) as ws:
        await asyncio.wait_for({"echo": echo, "end": end, "slow": slow, "push": push}[sys.argv[1]](ws), 20)


asyncio.run(main())
