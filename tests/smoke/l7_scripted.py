# SPDX-License-Identifier: BSD-3-Clause
"""A scripted client and scripted backends on loopback with lb7d between them; l7_exchange.py has the claims."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

WAIT = 5.0  # seconds that nothing here ever takes


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_head(sock):
    """A head and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return data, b""
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    return head + b"\r\n\r\n", rest


def read_all(sock):
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except ConnectionResetError:
        data += b"<reset>"
    except socket.timeout:
        data += b"<timeout>"
    return data


def ok(body=b"ok", extra=b""):
    return b"HTTP/1.1 200 OK\r\n" + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Origin:
    """A backend: connection n is served by scripts[n]; a script is a function of (socket, origin)."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.scripts, self.heads, self.events, self.open = [], [], [], []
        self.changed = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock, _ = self.sock.accept()
            sock.settimeout(WAIT)
            self.open.append(sock)
            script = self.scripts.pop(0) if self.scripts else (lambda s, o: s.close())
            threading.Thread(target=self.run, args=(script, sock), daemon=True).start()

    def run(self, script, sock):
        try:
            script(sock, self)
        except OSError as error:
            self.note("error %s" % type(error).__name__)
        finally:
            sock.close()

    def note(self, event):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def head(self, sock):
        head, rest = read_head(sock)
        if head:
            self.heads.append(head)
            self.note("head")
        return head, rest

    def wait_for(self, event):
        with self.changed:
            return self.changed.wait_for(lambda: event in self.events, WAIT)


def answers(*texts, then_close=True):
    """Answers one request after the other on its connection, then closes it or waits for the other side to."""

    def script(sock, origin):
        for text in texts:
            if not origin.head(sock)[0]:
                return
            sock.sendall(text)
        if not then_close:
            origin.note("closed by lb7d" if not sock.recv(1) else "more came")

    return script


class Bench:
    origin = Origin

    def __init__(self, lb7d, folder):
        self.a, self.b = self.origin(), self.origin()
        self.port, self.wide, self.dead, self.stuck = free_port(), free_port(), free_port(), free_port()
        self.folder = folder
        self.log = os.path.join(folder, "access.log")
        self.n_lines = 0
        conf = os.path.join(folder, "conf.json")
        self.write(self.conf())
        self.errors = open(os.path.join(folder, "lb7d.log"), "wb")
        self.lb7d = subprocess.Popen([lb7d, "-c", conf], stderr=self.errors)
        self.wait_ready()

    def conf(self):
        def backend(name, port):
            return {"name": name, "address": "127.0.0.1", "port": port}

        def pool(name, *ports):
            return {
                "name": name,
                "balance": "round_robin",
                "backends": [backend("%s-%d" % (name, i), p) for i, p in enumerate(ports)],
            }

        return {
            "node": "bench",
            "workers": 1,
            "control_l7": os.path.join(self.folder, "l7.sock"),
            "access_log": self.log,
            "services": [
                {"name": "web", "address": "127.0.0.1", "port": self.port, "protocol": "tcp", "l7": "web"},
                {"name": "wide", "address": "127.0.0.1", "port": self.wide, "protocol": "tcp", "l7": "wide"},
                {"name": "stuck", "address": "127.0.0.1", "port": self.stuck, "protocol": "tcp", "l7": "stuck"},
            ],
            "l7": [
                {
                    "name": "web",
                    "limits": {"body_kb": 64},
                    "timeouts": {
                        "header_ms": 400,
                        "client_idle_ms": 500,
                        "connect_ms": 300,
                        "first_byte_ms": 700,
                        "stream_idle_ms": 600,
                        "total_ms": 1500,
                    },
                    "routes": [
                        {"path": "/", "pool": "one"},
                        {"path": "/two", "pool": "two", "retries": 1},
                        {"path": "/dead", "pool": "dead"},
                        {"path": "/fixed", "answer": {"body": "fixed\n"}},
                    ],
                },
                {"name": "wide", "timeouts": {"client_idle_ms": 300}, "routes": [{"path": "/", "pool": "one"}]},
                {"name": "stuck", "timeouts": {"client_idle_ms": 300, "stream_idle_ms": 500}, "routes": [{"path": "/", "pool": "one"}]},
            ],
            "pools": [pool("one", self.a.port), pool("two", self.dead, self.b.port), pool("dead", self.dead)],
        }

    def write(self, conf):
        with open(os.path.join(self.folder, "conf.json"), "w", encoding="ascii") as f:
            json.dump(conf, f)

    def reload(self, conf):
        def n_done():
            with open(os.path.join(self.folder, "lb7d.log"), encoding="utf-8", errors="replace") as f:
                return f.read().count(" reloaded ")

        before = n_done()
        self.write(conf)
        self.lb7d.send_signal(signal.SIGHUP)
        end = time.monotonic() + WAIT
        while n_done() == before and time.monotonic() < end:
            time.sleep(0.02)

    def wait_ready(self):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.lb7d.poll() is not None:
                    break
        sys.exit("lb7d did not start: see lb7d.log")

    def connect(self, port=None):
        sock = socket.create_connection(("127.0.0.1", port or self.port), WAIT)
        sock.settimeout(WAIT)
        return sock

    def ask(self, data):
        """Sends all of it and returns all that comes until the end."""
        with self.connect() as sock:
            sock.sendall(data)
            return read_all(sock)

    def line(self):
        """The next line of the access log."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if os.path.exists(self.log):
                with open(self.log, encoding="utf-8") as f:
                    lines = f.read().splitlines()
                if len(lines) > self.n_lines:
                    self.n_lines += 1
                    return json.loads(lines[self.n_lines - 1])
            time.sleep(0.02)
        raise AssertionError("no line in the access log")

    def hang_up(self, origin):
        for sock in origin.open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed already
                pass

    def begin(self):
        for origin in (self.a, self.b):
            self.hang_up(origin)  # no claim finds a connection that another one has left
            origin.scripts, origin.heads, origin.events, origin.open = [], [], [], []
        end = time.monotonic() + 0.3  # lines are flushed four times a second
        while time.monotonic() < end:
            time.sleep(0.05)
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as f:
                self.n_lines = len(f.read().splitlines())


GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
GET_KEEP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def same(got, want):
    assert got == want, "got %r, not %r" % (got, want)


def holds(text, part):
    assert part in text, "%r is not in %r" % (part, text)


def lacks(text, part):
    assert part not in text, "%r is in %r" % (part, text)


def drop_idle(bench):
    """Makes sure that lb7d holds no connection to a: one is taken and closed by the origin."""
    bench.a.scripts = [answers(ok(extra=b"Connection: close\r\n"))] * 3
    bench.ask(GET)
    bench.begin()


def run_claims(claims, bench_class=Bench):
    """Runs what is called test_... among the claims, in the order of the names; the status to exit with."""
    bench = bench_class(sys.argv[1], sys.argv[2])
    failed = 0
    for name, test in sorted(claims.items()):
        if not name.startswith("test_") or (len(sys.argv) > 3 and sys.argv[3] not in name):
            continue
        bench.begin()
        try:
            test(bench)
            assert bench.lb7d.poll() is None, "lb7d died: status %s" % bench.lb7d.returncode
        except (AssertionError, OSError, KeyError, IndexError, ValueError) as error:
            failed += 1
            print("FAIL %s: %s: %.600s" % (name, type(error).__name__, error))
    bench.lb7d.terminate()
    status = bench.lb7d.wait(10)
    if status:
        failed += 1
        print("FAIL lb7d ended with status %d" % status)
    with open(os.path.join(sys.argv[2], "lb7d.log"), encoding="utf-8", errors="replace") as log:
        if failed:
            print(log.read()[-4000:])
    return 1 if failed else 0
