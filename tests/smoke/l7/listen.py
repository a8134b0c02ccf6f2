#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""listen.py URL ACK-URL CURL-ARGS...: an event stream by curl. Tells the origin, around lb7d, how many bytes came whenever
some did; the origin waits for that, so one byte held anywhere stops both. Status 0 if all 40 events came in order."""
import os
import re
import subprocess
import sys
import urllib.request

N_EVENTS = 40
TIMEOUT_S = "10"


def main():
    curl = subprocess.Popen(["curl", "-sSN", "--max-time", TIMEOUT_S, *sys.argv[3:], sys.argv[1]], stdout=subprocess.PIPE)
    said = b""
    while data := os.read(curl.stdout.fileno(), 65536):
        said += data
        urllib.request.urlopen(f"{sys.argv[2]}&n={len(said)}", data=b"").read()
    events = re.findall(r"id: (\d+)\ndata: event (\d+)\n\n", said.decode())
    if curl.wait() != 0 or events != [(str(i), str(i)) for i in range(N_EVENTS)]:
        sys.exit(f"curl's status {curl.returncode}, {len(events)} events: {said[-200:]!r}")


main()
