#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""captures.py FLOWS OUT.pcap: TCP segments of 64 bytes (60 without FCS) from FLOWS clients to 203.0.113.10:80.

One segment a flow, but at least 4000 in all; in random order from a fixed seed, so that every run has the
same file.
"""
import random
import struct
import sys

FEWEST = 4000
SEED = 47
SERVICE = bytes([203, 0, 113, 10])
PAYLOAD = b'lb47!!'


def fold_sum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff - total


def segment(flow):
    """Clients 10.64.0.0 and on, with eight ports each."""
    source = struct.pack('!I', 0x0a400000 + flow // 8)
    tcp = [40000 + flow % 8, 80, 1, 1, 0x5010, 65535, 0, 0]
    pseudo = source + SERVICE + struct.pack('!HH', 6, 20 + len(PAYLOAD))
    tcp[6] = fold_sum(pseudo + struct.pack('!HHIIHHHH', *tcp) + PAYLOAD)
    ip = [0x4500, 40 + len(PAYLOAD), 0, 0x4000, 0x4006, 0]
    ip[5] = fold_sum(struct.pack('!6H', *ip) + source + SERVICE)
    return (bytes.fromhex('0200000047000200000000010800') + struct.pack('!6H', *ip) + source + SERVICE +
            struct.pack('!HHIIHHHH', *tcp) + PAYLOAD)


def main(argv):
    if len(argv) != 3 or not argv[1].isdigit():
        print(__doc__.strip(), file=sys.stderr)
        return 2
    n_flows = int(argv[1])
    order = [i % n_flows for i in range(max(n_flows, FEWEST))]
    random.Random(SEED).shuffle(order)
    with open(argv[2], 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for flow in order:
            frame = segment(flow)
            out.write(struct.pack('<IIII', 0, 0, len(frame), len(frame)) + frame)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
