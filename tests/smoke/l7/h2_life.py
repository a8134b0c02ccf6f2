#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""h2_life.py LB7D FOLDER: a connection's life, from its first stream to its end in two steps, and back-pressure: a client with frames of
its own and a backend that does as it is told, with lb7d between them. Each function claims_... is a claim; prints those that do
not hold."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from h2frames import (ACK, CONTINUATION, END_HEADERS, FLOW_CONTROL_ERROR, GOAWAY, HEADERS, NO_ERROR, PADDED, PING, RST_STREAM, WINDOW, WINDOW_UPDATE, Peer, Wrong,
                      block, data, frame, headers, request, window)

OPEN = END_HEADERS
NO_LIMIT = 0x7FFFFFFF
POST = request("POST", "/sink")


def get(stream, path="/"):
    return headers(stream, request(path=path))


class Backend:
    """/hold answers once it is let go, /big sends for ever and counts, /sink takes no content; all else is answered with its name."""

    def __init__(self, name):
        self.name, self.sent, self.held = name, 0, threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.server.listen(256)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.server.accept()[0],), daemon=True).start()

    def serve(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        head = b""
        try:
            while True:
                while b"\r\n\r\n" not in head:
                    more = sock.recv(65536)
                    if not more:
                        return
                    head += more
                head, _, rest = head.partition(b"\r\n\r\n")
                self.answer(sock, head.split(b" ")[1], head)
                head = rest
        except OSError:
            pass
        finally:
            sock.close()

    def answer(self, sock, path, head=b""):
        if path == b"/head":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(head) + head)
            return
        if path == b"/big":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                self.sent += sock.send(bytes(16384))
        if path == b"/sink":
            self.held.wait(20)
        if path == b"/hold":
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            self.held.wait(20)
            sock.sendall(b"3\r\ntwo\r\n0\r\n\r\n")
            return
        text = self.name.encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)


class Bench:
    """lb7d with one service in front of backends."""

    def __init__(self, timeouts=None, n_backends=1):
        self.backends = [Backend("b%d" % i) for i in range(n_backends)]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.file = os.path.join(FOLDER, "life.json")
        self.log = os.path.join(FOLDER, "life.log")
        self.timeouts, self.n_reloads = timeouts or {}, 0
        BENCHES.append(self)
        self.write(self.backends)
        with open(self.log, "wb") as log:
            self.lb7d = subprocess.Popen([LB7D, "-c", self.file], stderr=log)
        self.wait_log(" ready ", 1)

    def write(self, backends):
        conf = {
            "node": "life", "workers": 1, "control_l7": os.path.join(FOLDER, "life.sock"), "access_log": os.path.join(FOLDER, "access.log"),
            "stats": os.path.join(FOLDER, "stats"),
            "services": [{"name": "web", "address": "127.0.0.1", "port": self.port, "protocol": "tcp", "l7": "web"}],
            "l7": [{"name": "web", "timeouts": self.timeouts, "routes": [{"path": "/", "pool": "web"}]}],
            "pools": [{"name": "web", "balance": "round_robin",
                       "backends": [{"name": b.name, "address": "127.0.0.1", "port": b.port} for b in backends]}],
        }
        with open(self.file, "w", encoding="ascii") as f:
            json.dump(conf, f)

    def wait_log(self, what, n):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                if f.read().count(what) >= n:
                    return
            time.sleep(0.02)
        raise Wrong("the log does not say %r" % what)

    def reload(self, backends):
        self.write(backends)
        self.lb7d.send_signal(signal.SIGHUP)
        self.n_reloads += 1
        self.wait_log(" reloaded ", self.n_reloads)

    def peer(self, *pairs, timeout=8):
        return Peer(self.port, timeout=timeout).begin(*pairs)

    def memory_kb(self):
        with open("/proc/%d/status" % self.lb7d.pid, encoding="ascii") as f:
            return int(next(line.split()[1] for line in f if line.startswith("VmRSS")))

    def n_switches(self):
        """How often its threads have waited."""
        n = 0
        for task in os.listdir("/proc/%d/task" % self.lb7d.pid):
            with open("/proc/%d/task/%s/status" % (self.lb7d.pid, task), encoding="ascii") as f:
                n += next(int(line.split()[1]) for line in f if line.startswith("voluntary"))
        return n

    def end(self):
        for b in self.backends:
            b.held.set()
        if self.lb7d.poll() is None:
            self.lb7d.kill()
        self.lb7d.wait()


def check(is_so, what):
    if not is_so:
        raise Wrong(what)


def is_goaway(f):
    return f.kind == GOAWAY


def is_ping(f):
    return f.kind == PING and not f.flags & ACK


def steady(value, seconds=0.5, limit=10):
    """What value() is once it does not change for a while."""
    end, last, since = time.monotonic() + limit, value(), time.monotonic()
    while time.monotonic() < end:
        now = value()
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > seconds:
            return last
        time.sleep(0.02)
    raise Wrong("it goes on and on: %s" % last)


def two_steps(bench, peer, begun):
    """GOAWAY that closes nothing yet, PING; what is asked until it is answered is served; GOAWAY with the last stream. All of it ends."""
    f = peer.wait(is_goaway, "the first GOAWAY")
    check((f.last, f.code) == (NO_LIMIT, NO_ERROR), "the first GOAWAY says %d, %d" % (f.last, f.code))
    ping = peer.wait(is_ping, "PING between")
    peer.send(get(begun + 2))
    check(peer.answer(begun + 2)[2] == b"b0", "what is asked between the two is not served")
    check(not [f for f in peer.frames if is_goaway(f)][1:], "the second GOAWAY comes before the PING is answered")
    peer.send(frame(PING, ACK, 0, ping.payload))
    f = peer.wait(is_goaway, "the second GOAWAY")
    check((f.last, f.code) == (begun + 2, NO_ERROR), "the second GOAWAY says %d, %d" % (f.last, f.code))
    peer.send(get(begun + 4))
    bench.backends[0].held.set()
    end = peer.wait(lambda f: f.stream == begun and f.ends or f.kind == RST_STREAM, "the rest of what ran")
    check(end.kind != RST_STREAM, "%s came" % end)
    peer.wait_end()
    check(not any(f.stream == begun + 4 and f.kind == HEADERS for f in peer.frames), "a stream beyond the last was served")


def ends(bench, peer):
    peer.close()
    check(bench.lb7d.wait(5) == 0, "lb7d does not end in order")


def begin_hold(bench):
    peer = bench.peer()
    peer.send(get(1, "/hold"))
    peer.wait(lambda f: f.kind == 0 and f.payload == b"one", "the answer's begin")
    return peer


def claims_drain_in_two_steps():
    bench = Bench()
    peer = begin_hold(bench)
    bench.lb7d.terminate()
    two_steps(bench, peer, 1)
    ends(bench, peer)


def claims_drain_without_ping():
    """A client that does not answer the PING gets the second GOAWAY all the same, and its stream goes on."""
    bench = Bench()
    peer = begin_hold(bench)
    bench.lb7d.terminate()
    peer.wait(is_goaway, "the first GOAWAY")
    f = peer.wait(is_goaway, "the second GOAWAY")
    check(f.last == 1, "the second GOAWAY says %d" % f.last)
    bench.backends[0].held.set()
    peer.wait(lambda f: f.stream == 1 and f.ends, "the rest of what ran")
    peer.wait_end()
    ends(bench, peer)


def claims_drain_idle():
    bench = Bench()
    peer = bench.peer()
    peer.ask(1)
    bench.lb7d.terminate()
    peer.wait(is_goaway, "GOAWAY")
    ping = peer.wait(is_ping, "PING")
    peer.send(frame(PING, ACK, 0, ping.payload))
    peer.wait_end()
    ends(bench, peer)


def claims_max_age_in_two_steps():
    bench = Bench({"max_age_ms": 700})
    peer = begin_hold(bench)
    begun = time.monotonic()
    two_steps(bench, peer, 1)
    check(time.monotonic() - begun < 5, "it takes %.1f s" % (time.monotonic() - begun))


def claims_max_age_does_not_keep_awake():
    """What runs on goes on, without a timer that is always due."""
    bench = Bench({"max_age_ms": 100})
    peer = begin_hold(bench)
    peer.wait(is_goaway, "the first GOAWAY")
    peer.wait(is_goaway, "the second GOAWAY")
    before = bench.n_switches()
    time.sleep(1)
    n = bench.n_switches() - before
    check(n < 300, "lb7d wakes %d times in a second" % n)


def claims_head_comes_in_time():
    """A head of which a byte comes now and then is not waited for, on a connection that had a request either."""
    bench = Bench({"header_ms": 500})
    for is_first in (True, False):
        peer = bench.peer()
        if not is_first:
            peer.ask(1)
        fields = request(extra=[("x", "y")] * 5)
        peer.send(frame(HEADERS, 0, 3, block(fields[:4])))
        for field in fields[4:]:
            time.sleep(0.2)
            peer.send(frame(CONTINUATION, 0, 3, block([field])))
        f = peer.wait(is_goaway, "GOAWAY")
        check(f.code == NO_ERROR, "%s came" % f)
        peer.wait_end()


def claims_silent_client_is_pinged():
    bench = Bench({"ping_ms": 300})
    peer = begin_hold(bench)
    for _ in range(3):
        ping = peer.wait(is_ping, "PING")
        peer.send(frame(PING, ACK, 0, ping.payload))
    bench.backends[0].held.set()
    peer.wait(lambda f: f.stream == 1 and f.ends, "the answer's end")
    bench.backends[0].held.clear()
    peer.send(get(3, "/hold"))
    peer.wait(is_ping, "PING")
    peer.wait_end()  # this one was not answered


def claims_idle_client_leaves():
    bench = Bench({"client_idle_ms": 400})
    peer = bench.peer()
    peer.ask(1)
    f = peer.wait(is_goaway, "GOAWAY")
    check(f.code == NO_ERROR, "%s came" % f)
    peer.wait_end()


def asks_until(peer, stream, name):
    """The number of the next stream after one that `name` answered: a worker takes a new configuration in its next turn."""
    for stream in range(stream, stream + 200, 2):
        if (who := peer.ask(stream)[2]) == name:
            return stream + 2
        time.sleep(0.005)
    raise Wrong("new streams reach %s, not %s" % (who, name))


def claims_reload_reaches_new_streams():
    bench = Bench(n_backends=3)
    first, second, third = bench.backends
    bench.reload([first])
    peer = begin_hold(bench)
    check(peer.ask(3)[2] == b"b0", "b0 does not answer")
    bench.reload([second])
    stream = asks_until(peer, 5, b"b1")
    bench.reload([second, third])
    stream = asks_until(peer, stream, b"b2")
    seen = {peer.ask(stream + 2 * i)[2] for i in range(4)}
    check(seen == {b"b1", b"b2"}, "streams reach %s" % seen)
    first.held.set()
    peer.wait(lambda f: f.stream == 1 and f.ends, "the end of what ran when it was taken away")


def claims_slow_client_stops_the_backend():
    bench = Bench()
    peer = bench.peer((WINDOW, NO_LIMIT))
    peer.send(get(1, "/big"))
    sent = steady(lambda: bench.backends[0].sent)
    check(sent < 3 << 20, "the backend could send %d bytes beyond a window of 65535" % sent)
    peer.send(window(0, 1 << 22))
    got = 0
    while got < 1 << 22:
        got += len(peer.wait(lambda f: f.kind == 0, "DATA in the new window").payload)
    sent = steady(lambda: bench.backends[0].sent) - sent
    check(sent < 6 << 20, "the backend could send %d bytes into a window of %d" % (sent, 1 << 22))


def claims_stalled_downloads_are_bounded():
    """Ten connections with a hundred streams each that ask for much and take nothing: others are served, memory is not theirs."""
    bench = Bench({"client_idle_ms": 3000})
    check(bench.peer().ask(1)[0] == "200", "nobody is served")
    before = bench.memory_kb()
    peers = [bench.peer((WINDOW, NO_LIMIT), timeout=20) for _ in range(10)]
    for peer in peers:
        peer.send(b"".join(get(1 + 2 * i, "/big") for i in range(100)))
    grown = steady(lambda: (bench.memory_kb() - before) // 4096, 0.3) * 4096
    check(grown < 100 << 10, "1000 stalled streams take %d KB" % grown)
    check(bench.peer().ask(1)[0] == "200", "others are not served")
    for peer in peers:
        peer.wait(lambda f: f.kind in (RST_STREAM, GOAWAY), "the end of stalled streams")


def upload(peer, length, make, n):
    """Sends n frames of `length` bytes, as the windows allow; returns how many could be sent before these stayed shut for a second."""
    for i in range(n):
        while peer.room(1, i * length) < length:
            peer.extend(1)
            try:
                peer.wait(lambda f: f.kind == WINDOW_UPDATE, "WINDOW_UPDATE")
            except Wrong:
                return i
        peer.send(make)
    return n


def claims_upload_waits_for_the_backend():
    bench = Bench()
    peer = bench.peer()
    peer.send(headers(1, POST, OPEN))
    given = upload(peer, 16384, data(1, bytes(16384), False), 2000) * 16384
    check(given < 6 << 20, "a client could send %d bytes to a backend that takes none" % given)
    peer.extend(5)
    peer.send(data(1, bytes(16384), False) * 100)  # beyond the windows
    f = peer.wait(lambda f: f.kind in (RST_STREAM, GOAWAY), "the end of a client that ignores windows")
    check(f.code == FLOW_CONTROL_ERROR, "%s came" % f)


def claims_stalled_uploads_hold_up_nobody():
    """Whatever backends do not take, the connection's window has room for the content of others."""
    peer = Bench().peer()
    given = 0
    for stream in (1, 3, 5, 7, 9):
        peer.send(headers(stream, POST, OPEN))
        sent = 0
        while True:
            peer.extend(0.4)
            while peer.windows.get(stream, 0) + peer.settings[WINDOW] - sent >= 16384 <= peer.windows[0] - given:
                peer.send(data(stream, bytes(16384), False))
                given, sent = given + 16384, sent + 16384
            try:
                peer.wait(lambda f: f.kind == WINDOW_UPDATE, "WINDOW_UPDATE")
            except Wrong:
                break
    room = peer.windows[0] - given
    check(room >= 65536, "five stalled uploads leave room for %d bytes" % room)


def claims_requests_without_content_say_so():
    """Some servers of HTTP/1 answer a POST with 411 otherwise."""
    peer = Bench().peer()
    for stream, method, said in (1, "POST", True), (3, "PUT", True), (5, "GET", False), (7, "DELETE", False):
        peer.send(headers(stream, request(method, "/head")))
        peer.extend(5)
        head = peer.answer(stream)[2].lower()
        check((b"content-length: 0" in head) == said and b"chunked" not in head, "%s: %r" % (method, head))


def claims_padding_is_given_back():
    """Padding counts against the windows (section 6.1): an upload of almost nothing else goes on all the same."""
    peer = Bench().peer()
    peer.send(headers(1, request("POST", "/hold"), OPEN))
    n = upload(peer, 257, frame(0, PADDED, 1, b"\xff" + b"x" + bytes(255)), 10000)
    check(n == 10000, "after %d frames of one byte and 256 of padding nothing more may be sent" % n)


def main():
    wrong = 0
    claims = [(name, claim) for name, claim in globals().items() if name.startswith("claims_")]
    for name, claim in claims:
        if sys.argv[3:] and name not in sys.argv[3:]:
            continue
        before = len(BENCHES)
        try:
            claim()
        except (Wrong, OSError, subprocess.TimeoutExpired) as error:
            print("%s: %s" % (name, error))
            wrong += 1
        for bench in BENCHES[before:]:
            bench.end()
    print("%d claims, %d do not hold" % (len(claims), wrong))
    sys.exit(wrong > 0)


BENCHES = []
LB7D, FOLDER = sys.argv[1:3]
main()
