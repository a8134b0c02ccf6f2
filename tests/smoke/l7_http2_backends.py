#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""l7_http2_backends.py LB7D FOLDER [NAME]: runs lb7d between a client of HTTP/1 and scripted backends of HTTP/2 on loopback.

Each function whose name begins with test_ is a claim. Ends with status 1 if a claim fails.
"""

import socket
import sys
import threading
import time

import h2.events
from h2.errors import ErrorCodes
from l7_http2_scripted import SETTING, Http2Bench, goes_after, requests, serve
from l7_scripted import GET, POST, holds, lacks, read_all, read_head, run_claims, same

TWO = b"GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
UPLOAD = b"POST /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"


# --- requests and answers ---


def test_a_request_and_its_answer_are_translated(bench):
    bench.a.scripts = [serve(b"hello", headers=[("x-a", "1"), ("content-length", "5")])]
    out = bench.ask(
        b"POST /p?q=1 HTTP/1.1\r\nHost: a.example\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Mine: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    holds(out, b"HTTP/1.1 200 OK\r\n")
    holds(out, b"x-a: 1\r\n")
    holds(out, b"Content-Length: 5\r\n")
    assert out.endswith(b"\r\n\r\nhello"), out
    head = bench.a.heads[0]
    same([head[k] for k in (":method", ":scheme", ":authority", ":path", "x-mine")], ["POST", "http", "a.example", "/p?q=1", "2"])
    for name in ("connection", "transfer-encoding", "host", "x-hop", "keep-alive"):
        lacks(head, name)


def test_trailers_go_both_ways(bench):
    got = {}

    def script(peer):
        peer.begin()
        for stream in requests(peer):
            got.update(peer.trailers[stream])
            peer.answer(stream, b"ok", trailers=[("x-sum", "b")])

    bench.a.scripts = [script]
    out = bench.ask(
        b"POST / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close, TE\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhi\r\n0\r\nX-Check: a\r\n\r\n"
    )
    same(got, {"x-check": "a"})
    holds(out.lower(), b"0\r\nx-sum: b\r\n\r\n")


def test_interim_answers_and_answers_without_content(bench):
    def script(peer):
        peer.begin()
        for stream in requests(peer):
            peer.h2.send_headers(stream, [(":status", "103"), ("link", "</a.css>")])
            peer.h2.send_headers(stream, [(":status", "204")], end_stream=True)
            peer.flush()

    bench.a.scripts = [script]
    out = bench.ask(GET)
    holds(out, b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n")
    holds(out, b"HTTP/1.1 204 No Content\r\n")


def test_many_requests_share_a_connection(bench):
    bench.a.scripts = [serve()]
    for answer in bench.ask_all([GET] * 20):
        holds(answer, b"200 OK")
    for _ in range(20):
        holds(bench.ask(GET), b"200 OK")
    same(bench.a.count("opened"), 1)


def test_what_is_no_http2_is_said(bench):
    def speaks_http1(peer):
        peer.sock.recv(65536)
        peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        peer.sock.recv(65536)

    bench.a.scripts = [speaks_http1]
    holds(bench.ask(POST + b"Content-Length: 0\r\n\r\n"), b"502 Bad Gateway")
    line = bench.line()
    same(line["end"], "upstream_malformed")
    holds(line["reason"], "HTTP/2: ")


# --- how many at once ---


def limited(peer_list, limit, delay=0.0):
    """Serves at most `limit` at once, told after `delay`; peer_list gets how many there were at once, of each connection."""

    def script(peer):
        at = len(peer_list)
        peer_list.append(0)
        peer.sock.recv(0)
        time.sleep(delay)
        peer.begin({SETTING.MAX_CONCURRENT_STREAMS: limit})
        open_now = set()
        for event in peer.events():
            if isinstance(event, h2.events.RequestReceived):
                open_now.add(event.stream_id)
                peer_list[at] = max(peer_list[at], len(open_now))
            elif isinstance(event, h2.events.StreamEnded):
                peer.answer(event.stream_id)
                open_now.discard(event.stream_id)

    return script


def test_one_stream_at_a_time_is_respected(bench):
    seen = []
    bench.a.scripts = [limited(seen, 1)]
    for answer in bench.ask_all([GET] * 30):
        holds(answer, b"200 OK")
    same(set(seen), {1})


def test_late_settings_are_waited_for(bench):
    seen = []
    bench.a.scripts = [limited(seen, 2, delay=0.3)]
    for answer in bench.ask_all([GET] * 12):
        holds(answer, b"200 OK")
    assert max(seen) <= 2, seen


def test_what_has_no_room_waits_its_turn(bench):
    open_now, most = set(), [0]

    def slow(peer):
        peer.begin()

        def answer(stream):
            open_now.discard((peer, stream))
            peer.answer(stream)

        for stream in requests(peer):
            open_now.add((peer, stream))
            most[0] = max(most[0], len(open_now))
            threading.Timer(0.1, answer, (stream,)).start()

    bench.a.scripts = [slow]
    for answer in bench.ask_all([b"GET /few HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"] * 24):
        holds(answer, b"200 OK")
    assert 4 < most[0] <= 8, "%d at once, on two connections of four" % most[0]
    same(bench.a.count("opened"), 2)


# --- what a backend has not looked at ---


def refuse_first(error, n_first=1):
    def script(peer):
        peer.begin()
        for n, stream in enumerate(requests(peer)):
            if n < n_first:
                peer.h2.reset_stream(stream, error)
                peer.flush()
            else:
                peer.answer(stream, b"late")

    return script


def contents(kept, body=b"taken"):
    def script(peer):
        peer.begin()
        for stream in requests(peer):
            kept.append(peer.content[stream])
            peer.answer(stream, body)

    return script


def test_a_refused_request_goes_elsewhere_with_its_content(bench):
    kept = []
    bench.a.scripts, bench.b.scripts = [refuse_first(ErrorCodes.REFUSED_STREAM, 9)], [contents(kept)]
    before = bench.counter("http2_upstream_refused")
    for _ in range(4):
        holds(bench.ask(UPLOAD), b"taken")
    same(kept, [b"hello"] * 4)
    assert bench.grown("http2_upstream_refused", before) >= 2


def test_a_refused_request_goes_to_the_same_if_there_is_no_other(bench):
    bench.a.scripts = [refuse_first(ErrorCodes.REFUSED_STREAM)]
    holds(bench.ask(POST + b"Content-Length: 2\r\n\r\nhi"), b"late")


def test_a_request_that_failed_is_not_sent_again(bench):
    bench.a.scripts = [refuse_first(ErrorCodes.INTERNAL_ERROR)]
    holds(bench.ask(GET), b"502 Bad Gateway")
    line = bench.line()
    same(line["end"], "upstream_reset")
    same(line["reason"], "reset by the backend: INTERNAL_ERROR")


def test_long_content_that_was_refused_is_not_half_sent(bench):
    bench.a.scripts = [refuse_first(ErrorCodes.REFUSED_STREAM)]
    size = 50000
    out = bench.ask(POST + b"Content-Length: %d\r\n\r\n" % size + bytes(size))
    holds(out, b"503 Service Unavailable")
    same(len(bench.a.heads), 1)


def test_goaway_moves_what_was_not_looked_at(bench):
    kept = []
    bench.a.scripts, bench.b.scripts = [goes_after(3, 1, b"first"), contents(kept, b"again")], [contents(kept)]
    before = bench.counter("http2_upstream_goaways")
    answers = bench.ask_all([UPLOAD] * 6)
    same(sum(b"first" in answer for answer in answers), 1)
    for answer in answers:
        holds(answer, b"200 OK")
    same(kept, [b"hello"] * 5)
    same(bench.grown("http2_upstream_goaways", before), 1)


def test_goaway_moves_what_waits_for_room(bench):
    def goes(peer):
        peer.begin({SETTING.MAX_CONCURRENT_STREAMS: 1})
        streams = requests(peer)
        first = next(streams)
        peer.origin.note("one")
        peer.origin.wait_for("go")
        peer.goaway(first)
        peer.answer(first)
        for _ in streams:
            pass

    bench.a.scripts = [goes, goes, serve()]
    few = b"GET /few HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answers = []
    asking = threading.Thread(target=lambda: answers.extend(bench.ask_all([few] * 8)))
    asking.start()
    assert bench.a.wait_for("one", 2), "two connections, full"
    time.sleep(0.2)
    bench.a.note("go")
    asking.join()
    for answer in answers:
        holds(answer, b"200 OK")


def test_goaway_lets_streams_run_and_takes_no_new_ones(bench):
    def goes(peer):
        peer.begin()
        for stream in requests(peer):
            peer.h2.send_headers(stream, [(":status", "200")])
            peer.flush()
            peer.goaway(stream)
            peer.origin.note("goaway")
            peer.origin.wait_for("finish")
            peer.send(stream, b"old", end=True)

    bench.a.scripts = [goes, serve(b"new")]
    with bench.connect() as sock:
        sock.sendall(GET)
        assert bench.a.wait_for("goaway")
        read_head(sock)
        holds(bench.ask(GET), b"new")
        bench.a.note("finish")
        holds(read_all(sock), b"old")
    assert bench.a.wait_for("closed"), "a connection behind its GOAWAY is closed with its last stream"


def test_retries_keep_to_their_budget(bench):
    refuses_all = refuse_first(ErrorCodes.REFUSED_STREAM, 1000)
    bench.a.scripts, bench.b.scripts = [refuses_all], [refuses_all]
    before = bench.counter("retries_over_budget")
    strict = b"GET /strict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for _ in range(4):
        holds(bench.ask(strict), b"503 Service Unavailable")
    same(len(bench.a.heads) + len(bench.b.heads), 4)
    same(bench.grown("retries_over_budget", before), 4)
    holds(bench.ask(TWO), b"503 Service Unavailable")
    assert len(bench.a.heads) + len(bench.b.heads) < 12, "nobody is asked without end"


# --- connections that break ---


def test_a_connection_that_breaks_before_the_answer(bench):
    def breaks(peer):
        peer.begin()
        for stream in requests(peer):
            assert stream
            return

    bench.a.scripts = [breaks, serve(b"again")]
    bench.b.scripts = [serve(b"other")]
    for _ in range(2):
        out = bench.ask(TWO)
        assert b"other" in out or b"again" in out, out
    bench.begin()
    bench.a.scripts = [breaks]
    holds(bench.ask(POST + b"Content-Length: 0\r\n\r\n"), b"502 Bad Gateway")
    same(len(bench.a.heads), 1)


def test_a_connection_that_served_and_breaks_costs_retries_and_is_a_failure(bench):
    def serves_one(peer):
        peer.begin()
        streams = requests(peer)
        peer.answer(next(streams))
        next(streams, None)

    strict = b"GET /strict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for origin in (bench.a, bench.b):
        origin.scripts = [serves_one, serve()]
    over = bench.counter("retries_over_budget")
    failures = bench.counter("failures", "backend")
    for _ in range(2):
        holds(bench.ask(strict), b"200 OK")
    holds(bench.ask(strict), b"502 Bad Gateway")
    same(bench.grown("retries_over_budget", over), 1)
    same(bench.counter("failures", "backend") - failures, 1)


def test_a_connection_that_breaks_within_the_answers_breaks_them(bench):
    def breaks(peer):
        peer.begin()
        for stream in requests(peer):
            peer.h2.send_headers(stream, [(":status", "200")])
            peer.h2.send_data(stream, b"part")
            peer.flush()
            if len(peer.heads) == 3:
                return

    bench.a.scripts = [breaks]
    for answer in bench.ask_all([GET] * 3):
        holds(answer, b"part")
        lacks(answer, b"\r\n0\r\n")


def test_a_silent_connection_is_pinged_and_given_up(bench):
    def deaf(peer):
        peer.begin()
        peer.sock.recv(65536)
        peer.origin.note("asked")
        while peer.sock.recv(65536):  # neither SETTINGS nor PING is answered
            pass
        peer.origin.note("closed")

    bench.a.scripts, bench.b.scripts = [deaf], [serve(b"alive")]
    ping = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    begin = time.monotonic()
    for _ in range(2):
        holds(bench.ask(ping), b"alive")
    assert time.monotonic() - begin < 2, "the PING tells long before first_byte_ms"
    assert bench.a.wait_for("closed")


def test_a_connection_that_answers_pings_stays(bench):
    pings = []

    def thinks(peer):
        peer.begin()
        for event in peer.events():
            if isinstance(event, h2.events.PingReceived):
                pings.append(event)
            elif isinstance(event, h2.events.StreamEnded):
                stream = event.stream_id
                threading.Timer(0.7, lambda: peer.answer(stream, b"thought")).start()

    bench.a.scripts = bench.b.scripts = [thinks]
    holds(bench.ask(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), b"thought")
    same(len(pings), 1)


# --- flow control ---


def test_an_upload_waits_for_the_window(bench):
    size = 3 << 20

    def slow(peer):
        peer.begin(window=1000)
        for event in peer.events(is_taking=False):
            if isinstance(event, h2.events.DataReceived) and event.data:
                peer.h2.increment_flow_control_window(len(event.data))
                peer.h2.increment_flow_control_window(min(len(event.data) * 2, 100000), event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                peer.answer(event.stream_id, b"%d" % len(peer.content[event.stream_id]))

    bench.a.scripts = [slow]
    holds(bench.ask(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size), b"\r\n%d\r\n" % size)


def test_an_upload_that_nobody_takes_stops_the_client(bench):
    def stuck(peer):
        peer.begin(window=1000)
        for _ in peer.events(is_taking=False):
            pass

    bench.a.scripts = [stuck]
    with bench.connect() as sock:
        sock.sendall(POST + b"Content-Length: 1000000000\r\n\r\n")
        sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += sock.send(b"x" * 65536)
        except socket.timeout:
            pass
        assert sent < 32 << 20, sent


def windows_seen(peer, size, seen):
    """Answers one request with `size` bytes, as the windows allow; seen gets how much might have been sent each time."""
    stream = next(requests(peer))
    peer.h2.send_headers(stream, [(":status", "200")])
    while size:
        window = peer.h2.local_flow_control_window(stream)
        seen.append(window)
        n = min(window, 16384, size)
        if n:
            peer.h2.send_data(stream, bytes(n))
            size -= n
            peer.flush()
            continue
        for event in peer.h2.receive_data(peer.sock.recv(65536)):
            peer.keep(event, True)
    peer.h2.end_stream(stream)
    peer.flush()
    peer.sock.recv(65536)


def test_a_client_that_keeps_up_has_its_backend_send_more_ahead(bench):
    seen, size = [], 4 << 20

    def large(peer):
        peer.begin()
        windows_seen(peer, size, seen)

    bench.a.scripts = [large]
    assert len(bench.ask(GET)) > size
    assert 500000 < max(seen) <= 1 << 20, max(seen)
    assert max(seen[: 300000 // 16384]) <= 65535, "not before it has shown that"


def test_a_client_that_reads_nothing_has_not(bench):
    seen = []

    def endless(peer):
        peer.begin()
        peer.sock.settimeout(0.5)
        try:
            windows_seen(peer, 64 << 20, seen)
        except socket.timeout:
            peer.origin.note("stopped")

    bench.a.scripts = [endless]
    with bench.connect() as sock:
        sock.sendall(GET)
        assert bench.a.wait_for("stopped"), bench.a.events
        assert max(seen) <= 65535, max(seen)


def test_a_slow_client_stops_its_stream_and_no_other(bench):
    sent = [0]

    def endless(peer):
        peer.begin()
        streams = requests(peer)
        slow = next(streams)
        peer.h2.send_headers(slow, [(":status", "200")])
        peer.flush()
        peer.sock.settimeout(0.5)
        try:
            while True:
                n = min(peer.h2.local_flow_control_window(slow), 16384)
                if n:
                    peer.h2.send_data(slow, b"x" * n)
                    sent[0] += n
                    peer.flush()
                else:
                    for event in peer.h2.receive_data(peer.sock.recv(65536)):
                        peer.keep(event, True)
        except socket.timeout:
            peer.origin.note("stopped")
        peer.sock.settimeout(5)
        for stream in streams:
            peer.h2.send_headers(stream, [(":status", "200"), ("content-length", "60000")])
            peer.send(stream, b"others" * 10000, end=True)

    bench.a.scripts = [endless]
    with bench.connect() as slow:
        slow.sendall(GET)
        assert bench.a.wait_for("stopped"), bench.a.events
        assert sent[0] < 32 << 20, sent[0]
        for _ in range(5):
            holds(bench.ask(GET), b"others" * 10000)
        same(bench.a.count("opened"), 1)
        with open("/proc/%d/status" % bench.lb7d.pid, encoding="ascii") as f:
            kb = int(next(line for line in f if line.startswith("VmRSS")).split()[1])
        assert kb < 100000, "%d KB" % kb


# --- ends ---


def test_a_client_that_leaves_cancels_its_request(bench):
    def never(peer):
        peer.begin()
        for _ in peer.events():
            pass

    bench.a.scripts = [never]
    with bench.connect() as sock:
        sock.sendall(GET)
        assert bench.a.wait_for("head")
    assert bench.a.wait_for("reset %d" % ErrorCodes.CANCEL), bench.a.events


def test_an_answer_before_the_request_is_whole(bench):
    def early(peer):
        peer.begin()
        for event in peer.events():
            if isinstance(event, h2.events.RequestReceived):
                peer.answer(event.stream_id, b"enough")
                peer.h2.reset_stream(event.stream_id, ErrorCodes.NO_ERROR)
                peer.flush()

    bench.a.scripts = [early]
    with bench.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegin")
        head, rest = read_head(sock)
        holds(head, b"200 OK")
        holds(rest + read_all(sock), b"enough")
    same(bench.line()["end"], "completed")


def test_an_answer_to_content_that_is_never_taken_frees_its_stream(bench):
    def early(peer):
        peer.begin(window=10)
        for event in peer.events(is_taking=False):
            if isinstance(event, h2.events.RequestReceived):
                peer.answer(event.stream_id, b"enough")

    bench.a.scripts = [early]
    for _ in range(12):  # there is room for eight at once
        request = b"POST /few HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\n" + b"x" * 100
        holds(bench.ask_all([request])[0], b"enough")


def test_an_idle_connection_is_kept_as_the_pool_says(bench):
    bench.a.scripts = [serve()]
    brief = b"GET /brief HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for n in (1, 2):
        holds(bench.ask(brief), b"200 OK")
        assert bench.a.wait_for("closed", n), bench.a.events
    for _ in range(2):
        holds(bench.ask(GET), b"200 OK")
    same(bench.a.count("opened"), 3)
    same(bench.a.count("closed"), 2)


def test_a_reload_leaves_streams_alone_and_renews_connections(bench):
    def goes_on(peer):
        peer.begin()
        for stream in requests(peer):
            peer.h2.send_headers(stream, [(":status", "200")])
            peer.flush()
            peer.origin.note("begun")
            peer.origin.wait_for("finish")
            peer.send(stream, b"old", end=True)

    bench.a.scripts = [goes_on, serve(b"new")]
    with bench.connect() as sock:
        sock.sendall(GET)
        assert bench.a.wait_for("begun")
        bench.reload(bench.conf())
        holds(bench.ask(GET), b"new")
        bench.a.note("finish")
        holds(read_all(sock), b"old")
    assert bench.a.wait_for("closed")


def test_a_backend_that_leaves_the_configuration_finishes(bench):
    def counted(body):
        return serve(body)

    bench.a.scripts, bench.b.scripts = [counted(b"a")], [counted(b"b")]
    stop, bad = threading.Event(), []

    def load():
        while not stop.is_set():
            out = bench.ask(TWO)
            if b"200 OK" not in out:
                bad.append(out)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    conf = bench.conf()
    conf["pools"][1]["backends"].pop()
    bench.a.wait_for("head", 20)
    bench.reload(conf)
    n_b, n_a = len(bench.b.heads), len(bench.a.heads)
    bench.a.wait_for("head", n_a + 50)
    stop.set()
    for thread in threads:
        thread.join()
    assert not bad, bad[:3]
    assert len(bench.b.heads) - n_b < 8, "no new requests for who has left"
    bench.reload(bench.conf())


# --- PROXY protocol ---


def test_each_client_has_a_connection_of_its_own_behind_a_proxy_header(bench):
    headers = []

    def reads_header(peer):
        data = b""
        while len(data) < 16 or len(data) < 16 + int.from_bytes(data[14:16], "big"):
            data += peer.sock.recv(1)
        headers.append(data)
        serve(b"ok", headers=[("content-length", "2")])(peer)

    bench.a.scripts = [reads_header]
    get = b"GET /proxy HTTP/1.1\r\nHost: x\r\n\r\n"
    with bench.connect() as one, bench.connect() as two:
        for sock in (one, two, one, two):
            sock.sendall(get)
            head, rest = read_head(sock)
            holds(head, b"200 OK")
            while len(rest) < 2:
                rest += sock.recv(2)
        ports = {int.from_bytes(h[24:26], "big") for h in headers}
        same(ports, {one.getsockname()[1], two.getsockname()[1]})
        same(len(headers), 2)


def test_a_proxy_header_is_for_one_address_of_ours_too(bench):
    """A client asks two services from one port of its own."""
    headers = []

    def reads_header(peer):
        headers.append(peer.sock.recv(28, socket.MSG_WAITALL))
        serve(b"ok", headers=[("content-length", "2")])(peer)

    bench.a.scripts = [reads_header]
    with socket.socket() as one, socket.socket() as two:
        for sock, port in ((one, bench.port), (two, bench.wide)):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.settimeout(5)
            sock.bind(("127.0.0.1", one.getsockname()[1]))
            sock.connect(("127.0.0.1", port))
            sock.sendall(b"GET /proxy HTTP/1.1\r\nHost: x\r\n\r\n")
            holds(read_head(sock)[0], b"200 OK")
    same([int.from_bytes(h[26:28], "big") for h in headers], [bench.port, bench.wide])


sys.exit(run_claims(globals(), Http2Bench))
