# SPDX-License-Identifier: BSD-3-Clause
"""Scripted HTTP/2 backends (python3-h2) for l7_http2_backends.py: each connection of lb7d gets a Peer, and a script of the claim runs
with it in a thread of its own."""

import socket
import threading
import time
import urllib.request

import h2.config
import h2.connection
import h2.events
import h2.settings
import hyperframe.frame
from l7_scripted import WAIT, Bench, free_port

SETTING = h2.settings.SettingCodes


class Peer:
    """One connection of lb7d, seen from the backend."""

    def __init__(self, sock, origin):
        self.sock, self.origin = sock, origin
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8", validate_inbound_headers=True)
        self.h2 = h2.connection.H2Connection(config)
        self.content, self.trailers, self.heads = {}, {}, {}
        self.lock = threading.RLock()  # events() holds it while it makes sense of what came

    def begin(self, settings=None, window=None):
        """`window`: said behind the first SETTINGS, as h2 would hold a client to it before that has heard of it."""
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=settings)
        self.h2.initiate_connection()
        if window:
            self.h2.update_settings({SETTING.INITIAL_WINDOW_SIZE: window})
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def events(self, is_taking=True):
        """What comes, until the connection ends. is_taking: gives windows back."""
        while True:
            data = self.sock.recv(65536)
            if not data:
                self.origin.note("closed")
                return
            with self.lock:
                for event in self.h2.receive_data(data):
                    self.keep(event, is_taking)
                    yield event
                self.flush()

    def keep(self, event, is_taking):
        if isinstance(event, h2.events.RequestReceived):
            self.heads[event.stream_id] = dict(event.headers)
            self.content[event.stream_id] = b""
            self.origin.heads.append(dict(event.headers))
            self.origin.note("head")
        elif isinstance(event, h2.events.DataReceived):
            self.content[event.stream_id] += event.data
            if is_taking and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            self.origin.note("reset %d" % event.error_code)

    def answer(self, stream, body=b"ok", headers=(), trailers=None):
        with self.lock:
            self.h2.send_headers(stream, [(":status", "200"), *headers], end_stream=not body and not trailers)
            if body:
                self.h2.send_data(stream, body, end_stream=not trailers)
            if trailers:
                self.h2.send_headers(stream, trailers, end_stream=True)
            self.flush()

    def send(self, stream, body, end=False):
        """As the windows allow."""
        while body:
            n = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if not n:
                for event in self.h2.receive_data(self.sock.recv(65536)):
                    self.keep(event, True)
                continue
            self.h2.send_data(stream, body[:n])
            body = body[n:]
            self.flush()
        if end:
            self.h2.end_stream(stream)
            self.flush()

    def goaway(self, last, error=0):
        """By hand: h2 would say nothing more behind it."""
        frame = hyperframe.frame.GoAwayFrame(0)
        frame.last_stream_id, frame.error_code = last, error
        self.sock.sendall(frame.serialize())


def requests(peer, **how):
    """The streams of complete requests."""
    for event in peer.events(**how):
        if isinstance(event, h2.events.StreamEnded):
            yield event.stream_id


def serve(body=b"ok", settings=None, **how):
    """Answers each request when it is complete."""

    def script(peer):
        peer.begin(settings)
        for event in peer.events():
            if isinstance(event, h2.events.StreamEnded):
                peer.answer(event.stream_id, body() if callable(body) else body, **how)

    return script


def goes_after(n, n_served, body):
    """Takes n requests, says GOAWAY, and answers the first n_served of them."""

    def script(peer):
        peer.begin()
        whole, last = [], 0
        for stream in requests(peer):
            whole.append(stream)
            if not last and len(peer.heads) >= n:
                last = sorted(peer.heads)[n_served - 1]
                peer.goaway(last)
            for stream in [s for s in whole if s <= last]:
                whole.remove(stream)
                peer.answer(stream, body)

    return script


class Http2Origin:
    """A backend: connection n is served by scripts[n], the last one serves all that follow; a script is a function of a Peer."""

    def __init__(self, address="127.0.0.1"):
        self.sock = socket.create_server((address, 0), backlog=512)
        self.port = self.sock.getsockname()[1]
        self.scripts, self.heads, self.events, self.open, self.n_open = [], [], [], [], 0
        self.changed = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock, _ = self.sock.accept()
            sock.settimeout(WAIT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.open.append(sock)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else (self.scripts or [None])[0]
            if script:
                threading.Thread(target=self.run, args=(script, sock), daemon=True).start()
            else:
                sock.close()

    def run(self, script, sock):
        self.note("opened")
        try:
            script(Peer(sock, self))
        except (OSError, h2.exceptions.ProtocolError) as error:
            self.note("error %s" % type(error).__name__)
        finally:
            sock.close()

    def note(self, event):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def count(self, event):
        with self.changed:
            return self.events.count(event)

    def wait_for(self, event, n=1, wait=WAIT):
        with self.changed:
            return self.changed.wait_for(lambda: self.events.count(event) >= n, wait)


class Client:
    """A client of HTTP/2 in clear, one thread."""

    def __init__(self, port, window=None):
        self.sock = socket.create_connection(("127.0.0.1", port), WAIT)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        if window:
            self.h2.local_settings = h2.settings.Settings(initial_values={SETTING.INITIAL_WINDOW_SIZE: window})
        self.h2.initiate_connection()
        self.flush()
        self.interims, self.heads, self.content, self.trailers, self.ends = {}, {}, {}, {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def request(self, path="/", method="GET", headers=(), content=None, trailers=None, end=True):
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)]
        self.h2.send_headers(stream, [*pseudo, *headers], end_stream=end and content is None)
        if content is not None:
            self.h2.send_data(stream, content, end_stream=end and not trailers)
        if trailers:
            self.h2.send_headers(stream, trailers, end_stream=True)
        self.flush()
        return stream

    def wait(self, done, is_taking=True):
        """Receives until done() is true."""
        while not done():
            data = self.sock.recv(65536)
            if not data:
                raise AssertionError("the connection ended")
            for event in self.h2.receive_data(data):
                self.take(event, is_taking)
            self.flush()

    def take(self, event, is_taking):
        if isinstance(event, h2.events.InformationalResponseReceived):
            self.interims.setdefault(event.stream_id, []).append(dict(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            self.heads[event.stream_id] = dict(event.headers)
            self.content.setdefault(event.stream_id, b"")
        elif isinstance(event, h2.events.DataReceived):
            self.content[event.stream_id] += event.data
            if is_taking and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            self.ends[event.stream_id] = None
        elif isinstance(event, h2.events.StreamReset):
            self.ends[event.stream_id] = event.error_code

    def answer(self, stream):
        """Status and content, when it has ended."""
        self.wait(lambda: stream in self.ends)
        assert self.ends[stream] is None, "reset: %s" % self.ends[stream]
        return self.heads[stream][":status"], self.content[stream]


class Http2Bench(Bench):
    origin = Http2Origin
    admin = free_port()
    n_threads = 3  # between two claims

    def conf(self):
        def backend(name, port):
            return {"name": name, "address": "127.0.0.1", "port": port}

        def pool(name, *origins, **keys):
            backends = [backend("%s-%d" % (name, i), o if isinstance(o, int) else o.port) for i, o in enumerate(origins)]
            return {"name": name, "balance": "round_robin", "protocol": "http2", "backends": backends, **keys}

        return {
            "node": "bench",
            "workers": 1,
            "control_l7": self.folder + "/l7.sock",
            "stats": self.folder + "/stats",
            "access_log": self.log,
            "admin": {"port": self.admin},
            "services": [
                {"name": name, "address": "127.0.0.1", "port": port, "protocol": "tcp", "l7": "web"}
                for name, port in (("web", self.port), ("wide", self.wide))
            ],
            "l7": [
                {
                    "name": "web",
                    "timeouts": {"connect_ms": 2000, "first_byte_ms": 4000, "client_idle_ms": 10000},
                    "routes": [
                        {"path": "/", "pool": "one"},
                        {"path": "/two", "pool": "two"},
                        {"path": "/few", "pool": "few"},
                        {"path": "/strict", "pool": "strict"},
                        {"path": "/proxy", "pool": "proxy"},
                        {"path": "/ping", "pool": "ping"},
                        {"path": "/dead", "pool": "dead"},
                        {"path": "/brief", "pool": "brief"},
                    ],
                },
            ],
            "pools": [
                pool("one", self.a),
                pool("two", self.a, self.b),
                pool("few", self.a, http2={"streams": 4, "connections": 2}),
                pool("strict", self.a, self.b, retry_budget={"percent": 0, "per_second": 0}),
                pool("proxy", self.a, proxy_protocol=True),
                pool("ping", self.a, self.b, http2={"ping_ms": 150}),
                pool("dead", self.dead),
                pool("brief", self.a, keepalive=0),
            ],
        }

    def begin(self):
        super().begin()
        for origin in (self.a, self.b):
            end = time.monotonic() + 1
            while threading.active_count() > self.n_threads and time.monotonic() < end:
                time.sleep(0.01)
            origin.events = []

    def ask_all(self, requests):
        """Each on a connection of its own, at once; the answers."""
        answers = [None] * len(requests)

        def one(i):
            answers[i] = self.ask(requests[i])

        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(requests))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def metrics(self):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.admin, timeout=WAIT) as answer:
            return answer.read().decode().splitlines()

    def counter(self, name, of="worker"):
        """The sum of a counter of workers, or of others."""
        found = [line for line in self.metrics() if line.startswith("lb_%s_%s_total{" % (of, name))]
        assert found, "no counter %s" % name
        return sum(float(line.split()[-1]) for line in found)

    def grown(self, name, before):
        """How much a counter has grown, once it has."""
        end = time.monotonic() + WAIT
        while self.counter(name) == before and time.monotonic() < end:
            time.sleep(0.02)
        return self.counter(name) - before
