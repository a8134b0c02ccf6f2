#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""devtools.py PROFILE URL: has the Chromium of this profile, which was started with --remote-debugging-port=0, open a page, and says
what its DevTools show in the Network panel, a line for each: "document h2 200", "websocket 200", "frame TEXT" for what a WebSocket
brought. Ends with the first frame "done", or with status 1 after 20 seconds."""
import asyncio
import json
import os
import sys
import urllib.request

import websockets


def target(profile):
    """The WebSocket address of the page that is open."""
    with open(os.path.join(profile, "DevToolsActivePort"), encoding="ascii") as f:
        port = f.readline().strip()
    with urllib.request.urlopen("http://127.0.0.1:%s/json/list" % port, timeout=5) as answer:
        pages = [t for t in json.load(answer) if t["type"] == "page"]
    return pages[0]["webSocketDebuggerUrl"]


def show(event):
    """True: it was the last."""
    method, params = event.get("method"), event.get("params", {})
    if method == "Network.responseReceived":
        response = params["response"]
        print(params["type"].lower(), response.get("protocol"), response["status"], flush=True)
    elif method == "Network.webSocketHandshakeResponseReceived":
        print("websocket", params["response"]["status"], flush=True)
    elif method == "Network.webSocketFrameReceived":
        print("frame", params["response"]["payloadData"], flush=True)
        return params["response"]["payloadData"] == "done"
    elif method == "Network.webSocketFrameError":
        print("error", params["errorMessage"], flush=True)
    return False


async def browse(url):
    async with websockets.connect(target(sys.argv[1]), max_size=None) as devtools:
        for i, (method, params) in enumerate([("Network.enable", {}), ("Page.navigate", {"url": url})]):
            await devtools.send(json.dumps({"id": i, "method": method, "params": params}))
        while not show(json.loads(await devtools.recv())):
            pass


asyncio.run(asyncio.wait_for(browse(sys.argv[2]), 20))
