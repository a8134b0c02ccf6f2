#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TCP connections of which everything is known beforehand, over a link that delays and loses what it is told to.

tcp_traffic.py [--delay-ms N] OURS PEER STEP...   runs the steps between two network namespaces, in order:
  accept:N[:6]     N clients in PEER connect to the service in OURS (10.47.1.1, fd47::1; port 80), which then closes
  hold:MS          one client, whose connection stands for MS milliseconds
  connect:N[:6]    N connections from OURS to the backend in PEER (10.47.1.2, fd47::2; port 8080)
  mapped:N         the same over IPv4 with IPv6 sockets (::ffff:10.47.1.2)
  peer_resets:N    N clients reset the connection that the service accepted
  we_reset:N       the service resets N connections
  refused:N        N connections from OURS to the backend while it does not listen
  synack_lost:N    N clients, the service's first SYN-ACK to each is lost
  data_lost:N      N clients, the first segment that the service sends to each is lost
  other:N          N connections that are nobody's: to another port of ours, and the service's port of the peer
The two namespaces are joined by a pair of TUN devices; N milliseconds pass on the way, in each direction."""

import argparse
import ctypes
import fcntl
import heapq
import os
import select
import socket
import struct
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
SYN, ACK = 2, 16
OURS = {4: "10.47.1.1", 6: "fd47::1"}
PEER = {4: "10.47.1.2", 6: "fd47::2"}
SERVICE, BACKEND, OTHER = 80, 8080, 81


class Inside:
    """Sockets and devices that are made within belong to the namespace."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._enter(os.open(f"/run/netns/{self.name}", os.O_RDONLY))

    def __exit__(self, *_):
        self._enter(self.home)

    @staticmethod
    def _enter(fd):
        if LIBC.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)


def make_tun(name, own, other):
    with Inside(name):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"slow0", IFF_TUN | IFF_NO_PI))
        subprocess.run(["ip", "link", "set", "slow0", "up"], check=True)  # first: only then does IPv6 make the route
        for family, bits in ((4, 32), (6, 128)):
            subprocess.run(
                ["ip", "addr", "add", f"{own[family]}", "peer", f"{other[family]}/{bits}", "dev", "slow0"]
                + (["nodad"] if family == 6 else []), check=True)
    return fd


def tcp_of(packet):
    """Flags and length of the payload; None if it is no TCP."""
    if packet[0] >> 4 == 4:
        start, proto, end = (packet[0] & 15) * 4, packet[9], struct.unpack_from("!H", packet, 2)[0]
    else:
        start, proto, end = 40, packet[6], 40 + struct.unpack_from("!H", packet, 4)[0]
    if proto != socket.IPPROTO_TCP:
        return None
    return packet[start + 13], end - start - (packet[start + 12] >> 4) * 4


class Link(threading.Thread):
    def __init__(self, ours, peer, delay_s):
        super().__init__(daemon=True)
        self.delay_s = delay_s
        self.ours = make_tun(ours, OURS, PEER)
        self.peer = make_tun(peer, PEER, OURS)
        self.to_lose = None  # takes flags and length of what we send; loses it once if it says so
        self.n_lost = 0

    def is_lost(self, packet):
        tcp = tcp_of(packet)
        if not tcp or not self.to_lose or not self.to_lose(*tcp):
            return False
        self.to_lose = None
        self.n_lost += 1
        return True

    def run(self):
        queue, number = [], 0
        while True:
            wait = max(0, queue[0][0] - time.monotonic()) if queue else None
            for fd in select.select([self.ours, self.peer], [], [], wait)[0]:
                packet = os.read(fd, 65536)
                if fd == self.ours and self.is_lost(packet):
                    continue
                number += 1
                heapq.heappush(queue, (time.monotonic() + self.delay_s, number,
                                       self.peer if fd == self.ours else self.ours, packet))
            while queue and queue[0][0] <= time.monotonic():
                _, _, out, packet = heapq.heappop(queue)
                os.write(out, packet)


class Ends:
    """The two namespaces; listeners stay for the whole run."""

    def __init__(self, ours, peer):
        self.ours, self.peer = ours, peer
        self.services = {f: self.listen(ours, f, OURS[f], SERVICE) for f in (4, 6)}

    @staticmethod
    def listen(name, family, address, port):
        with Inside(name):
            listener = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(64)
        return listener

    @staticmethod
    def connect(name, family, address, port):
        with Inside(name):
            client = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
        client.settimeout(20)
        client.connect((address, port))
        return client

    def accept(self, family=4):
        """A client in PEER and the service's end of its connection."""
        client = self.connect(self.peer, family, OURS[family], SERVICE)
        return client, self.services[family].accept()[0]


def close_in_order(first, second):
    """Each waits for the other's end, so that no data is left that would make it a reset."""
    first.shutdown(socket.SHUT_WR)
    assert second.recv(1) == b""
    second.shutdown(socket.SHUT_WR)
    assert first.recv(1) == b""
    first.close()
    second.close()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def wait_for_reset(s):
    try:
        s.recv(1)
    except ConnectionResetError:
        s.close()
        return
    raise AssertionError("no reset")


def accept(ends, _link, n, family=4):
    pairs = [ends.accept(family) for _ in range(n)]
    for client, served in pairs:
        client.sendall(b"ask")
        assert served.recv(3) == b"ask"
        served.sendall(b"answer")
        assert client.recv(6) == b"answer"
        close_in_order(served, client)


def hold(ends, _link, ms):
    client, served = ends.accept()
    time.sleep(ms / 1000)
    close_in_order(served, client)


def connect(ends, _link, n, family=4, prefix=""):
    backend = ends.listen(ends.peer, family, PEER[family], BACKEND)
    for _ in range(n):
        ours = ends.connect(ends.ours, 6 if prefix else family, prefix + PEER[family], BACKEND)
        close_in_order(ours, backend.accept()[0])
    backend.close()


def mapped(ends, link, n):
    connect(ends, link, n, prefix="::ffff:")


def peer_resets(ends, _link, n):
    for _ in range(n):
        client, served = ends.accept()
        reset(client)
        wait_for_reset(served)


def we_reset(ends, _link, n):
    for _ in range(n):
        client, served = ends.accept()
        reset(served)
        wait_for_reset(client)


def refused(ends, _link, n):
    for _ in range(n):
        try:
            ends.connect(ends.ours, 4, PEER[4], BACKEND)
        except ConnectionRefusedError:
            continue
        raise AssertionError("not refused")


def synack_lost(ends, link, n):
    for _ in range(n):
        link.to_lose = lambda flags, _length: flags & (SYN | ACK) == SYN | ACK
        client, served = ends.accept()
        close_in_order(served, client)
    assert link.n_lost == n


def data_lost(ends, link, n):
    before = link.n_lost
    for _ in range(n):
        client, served = ends.accept()
        link.to_lose = lambda _flags, length: length > 0
        served.sendall(b"answer")
        assert client.recv(6) == b"answer"
        close_in_order(served, client)
    assert link.n_lost == before + n


def other(ends, _link, n):
    elsewhere = ends.listen(ends.ours, 4, OURS[4], OTHER)
    there = ends.listen(ends.peer, 4, PEER[4], SERVICE)
    for _ in range(n):
        close_in_order(ends.connect(ends.peer, 4, OURS[4], OTHER), elsewhere.accept()[0])
        close_in_order(ends.connect(ends.ours, 4, PEER[4], SERVICE), there.accept()[0])


STEPS = {f.__name__: f for f in (accept, hold, connect, mapped, peer_resets, we_reset, refused, synack_lost, data_lost, other)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("ours")
    parser.add_argument("peer")
    parser.add_argument("steps", nargs="+")
    args = parser.parse_args()
    link = Link(args.ours, args.peer, args.delay_ms / 1000)
    link.start()
    ends = Ends(args.ours, args.peer)
    for step in args.steps:
        name, *numbers = step.split(":")
        STEPS[name](ends, link, *map(int, numbers))
    time.sleep(2 * args.delay_ms / 1000)  # the last acknowledgement is still on the link


main()
