#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""l7_exchange.py LB7D FOLDER: runs lb7d between a scripted client and scripted backends on loopback.

Each function whose name begins with test_ is a claim. It gets a Bench with a client side (bench.ask) and a backend side
(bench.origin: what to do with each connection, in turn). Ends with status 1 if a claim fails.
"""

import socket
import sys
import time

from l7_scripted import GET, GET_KEEP, POST, answers, drop_idle, holds, lacks, ok, read_all, same, run_claims


# --- connections that were kept ---


def stale(sock, origin):
    origin.head(sock)
    sock.sendall(ok())
    origin.head(sock)  # and no answer


def test_a_get_on_a_connection_that_closes_is_sent_again(bench):
    bench.a.scripts = [stale, answers(ok(b"again"))]
    holds(bench.ask(GET), b"ok")
    holds(bench.ask(GET), b"again")
    same(len(bench.a.heads), 3)
    line = bench.line()
    assert "resent" not in line and line["attempts"] == 1, line
    line = bench.line()
    same((line["attempts"], line["resent"]), (1, 1))


def test_a_post_on_a_connection_that_closes_is_not_sent_twice(bench):
    bench.a.scripts = [stale, answers(ok(b"again"))]
    holds(bench.ask(GET), b"ok")
    holds(bench.ask(POST + b"Content-Length: 2\r\n\r\nhi"), b"502 Bad Gateway")
    same(len(bench.a.heads), 2)


def test_what_no_backend_got_is_sent_to_another(bench):
    for _ in range(4):
        bench.b.scripts.append(answers(ok(b"alive", b"Connection: close\r\n")))
    for _ in range(4):
        holds(bench.ask(b"POST /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), b"alive")


def serve(sock, origin):
    while True:
        head, rest = origin.head(sock)
        if not head:
            return
        while len(rest) < 2:
            rest += sock.recv(2)
        sock.sendall(ok(b"served"))


def test_content_goes_on_when_another_backend_is_tried(bench):
    bench.b.scripts = [serve] * 8
    for _ in range(8):  # half of these are for the dead one first, and then find a connection that was kept
        post = b"POST /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
        holds(bench.ask(post), b"served")


def test_an_empty_chunked_body_is_not_half_sent_again(bench):
    bench.a.scripts = [stale, answers(ok(b"again"))]
    holds(bench.ask(GET), b"ok")
    out = bench.ask(b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert b"502" in out or b"again" in out, out
    lacks(out, b"408")


def test_a_closing_client_does_not_close_the_backends_connection(bench):
    bench.a.scripts = [answers(ok(b"1"), ok(b"2"), then_close=False)]
    for want in (b"1", b"2"):
        holds(bench.ask(GET), want)
    for head in bench.a.heads:
        lacks(head.lower(), b"connection:")


def test_unasked_bytes_end_a_kept_connection(bench):
    bench.a.scripts = [
        answers(ok() + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", then_close=False),
        answers(ok(b"true")),
    ]
    out = bench.ask(GET_KEEP + GET)
    holds(out, b"true")
    lacks(out, b"forged")


def test_an_answer_that_says_close_is_the_connections_last(bench):
    bench.a.scripts = [answers(ok(b"1", b"Connection: close\r\n"), then_close=False), answers(ok(b"2"))]
    out = bench.ask(GET_KEEP + GET)
    same(out.count(b"HTTP/1.1 200 OK"), 2)
    lacks(out.split(b"\r\n\r\n")[0].lower(), b"connection")


# --- answers that are wrong ---

MALFORMED = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", "two lengths"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "contradiction"),
    (b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n", "folding"),
    (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bare line feeds"),
    (b"HTTP/3.0 200 OK\r\n\r\n", "version"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "another protocol"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "upgrade unasked"),
]


def test_a_malformed_answer_is_a_502(bench):
    for text, name in MALFORMED:
        drop_idle(bench)
        bench.a.scripts = [answers(text)]
        holds(bench.ask(GET), b"HTTP/1.1 502 ")
        line = bench.line()
        same((name, line["status"], line["end"]), (name, 502, "upstream_malformed"))
        assert line["reason"], name


def test_an_answer_that_breaks_off_breaks_the_client(bench):
    bench.a.scripts = [answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfew")]
    holds(bench.ask(GET), b"few")
    same(bench.line()["end"], "upstream_reset")
    bench.a.scripts = [answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfew\r\n")]
    out = bench.ask(GET)
    holds(out, b"3\r\nfew\r\n")
    lacks(out, b"0\r\n\r\n")


def test_no_answer_at_all_is_a_502(bench):
    drop_idle(bench)
    bench.a.scripts = [answers(b""), answers(b"")]
    holds(bench.ask(POST + b"Content-Length: 2\r\n\r\nhi"), b"502")
    same(bench.line()["end"], "upstream_reset")


# --- answers of all kinds ---


def test_interim_answers_are_passed_on(bench):
    bench.a.scripts = [
        answers(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n"
            + ok(extra=b"Connection: close\r\n")
        )
    ]
    out = bench.ask(GET)
    same(out.count(b"103 Early Hints"), 2)
    holds(out, b"200 OK")


def test_an_interim_answer_upgrades_nothing(bench):
    hints = b"HTTP/1.1 103 Early Hints\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nLink: </a>\r\n\r\n"
    bench.a.scripts = [answers(hints + ok(extra=b"Connection: close\r\n"))]
    out = bench.ask(GET)
    holds(out, b"Link: </a>")
    lacks(out.lower(), b"upgrade")


def test_an_old_client_gets_no_interim_answer_and_no_chunks(bench):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    bench.a.scripts = [answers(b"HTTP/1.1 103 Early Hints\r\n\r\n" + chunked)]
    out = bench.ask(b"GET / HTTP/1.0\r\n\r\n")
    lacks(out, b"103")
    lacks(out.lower(), b"chunked")
    assert out.endswith(b"\r\n\r\nab"), out


def test_head_204_and_304_have_no_content(bench):
    for request, answer in (
        (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (GET_KEEP, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (GET_KEEP, b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
    ):
        drop_idle(bench)
        bench.a.scripts = [answers(answer, ok(b"next", b"Connection: close\r\n"))]
        out = bench.ask(request + GET)
        assert out.endswith(b"\r\n\r\nnext"), out
        same(out.count(b"HTTP/1.1 "), 2)


def test_trailers_pass_both_ways(bench):
    def script(sock, origin):
        _, rest = origin.head(sock)
        while b"0\r\n" not in rest or not rest.endswith(b"\r\n\r\n"):
            rest += sock.recv(1000)
        origin.note(rest.decode())
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 9\r\n\r\n")

    bench.a.scripts = [script]
    drop = b"Transfer-Encoding: chunked\r\nTE: trailers\r\n\r\n2;x=y\r\nhi\r\n0\r\nX-In: 7\r\n\r\n"
    out = bench.ask(POST + drop)
    holds(out, b"0\r\nX-Sum: 9\r\n\r\n")
    holds(bench.a.events[-1], "X-In: 7")
    lacks(bench.a.events[-1], "x=y")


def test_hop_by_hop_fields_stay_here(bench):
    bench.a.scripts = [answers(ok(extra=b"Connection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nX-Kept: 1\r\n"))]
    out = bench.ask(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nUpgrade: h2c\r\nTE: gzip\r\n"
        b"Proxy-Connection: keep-alive\r\nX-Yours: 1\r\n\r\n"
    )
    head = bench.a.heads[0].lower()
    for name in (b"x-mine", b"upgrade", b"proxy-connection", b"\r\nte:"):
        lacks(head, name)
    holds(head, b"x-yours: 1")
    lacks(out, b"X-Secret")
    lacks(out, b"Keep-Alive")
    holds(out, b"X-Kept: 1")


def test_pipelined_requests_are_answered_in_order(bench):
    def slow(sock, origin):
        for i in range(5):
            origin.head(sock)
            sock.sendall(ok(b"answer-%d" % i))

    bench.a.scripts = [slow]
    out = bench.ask(GET_KEEP * 4 + GET)
    places = [out.index(b"answer-%d" % i) for i in range(5)]
    same(places, sorted(places))


def test_an_early_answer_reaches_a_client_that_still_sends(bench):
    def early(sock, origin):
        origin.head(sock)
        sock.sendall(ok(b"enough", b"Connection: close\r\n"))
        origin.note("answered")
        read_all(sock)

    bench.a.scripts = [early]
    with bench.connect() as sock:
        sock.sendall(POST + b"Content-Length: 60000\r\n\r\n" + b"x" * 100)
        holds(read_all(sock), b"enough")


# --- limits and refusals ---


def test_content_beyond_its_limit_is_a_413(bench):
    drop_idle(bench)
    bench.a.scripts = [lambda s, o: (o.head(s), read_all(s))] * 2
    holds(bench.ask(POST + b"Content-Length: 70000\r\n\r\n"), b"HTTP/1.1 413 ")
    same(bench.line()["end"], "too_large")
    chunks = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    holds(bench.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks * 5), b"HTTP/1.1 413 ")
    same(bench.line()["end"], "too_large")


def test_a_malformed_chunk_ends_the_request_at_the_backend_too(bench):
    def script(sock, origin):
        origin.head(sock)
        origin.note("end" if b"0\r\n\r\n" not in read_all(sock) else "complete")

    drop_idle(bench)
    bench.a.scripts = [script]
    holds(bench.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhiXX"), b"HTTP/1.1 400 ")
    assert bench.a.wait_for("end"), bench.a.events
    same(bench.line()["end"], "refused")


def test_a_dead_backend_is_a_502_with_its_reason(bench):
    holds(bench.ask(b"GET /dead HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), b"HTTP/1.1 502 ")
    line = bench.line()
    same((line["end"], line["reason"]), ("connect_failed", "Connection refused"))


# --- time ---


def test_a_slow_head_is_a_408(bench):
    with bench.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHos")
        holds(read_all(sock), b"HTTP/1.1 408 ")
    same(bench.line()["end"], "client_timeout")


def test_a_silent_connection_is_closed_without_a_word(bench):
    with bench.connect() as sock:
        same(read_all(sock), b"")


def test_content_that_stops_coming_is_a_408(bench):
    drop_idle(bench)
    bench.a.scripts = [lambda s, o: (o.head(s), read_all(s))]
    with bench.connect() as sock:
        sock.sendall(POST + b"Content-Length: 10\r\n\r\nfive!")
        holds(read_all(sock), b"HTTP/1.1 408 ")
    same(bench.line()["end"], "client_timeout")


def test_a_client_is_not_blamed_for_a_backend_that_takes_nothing(bench):
    size = 30 << 20  # more than all buffers on the way

    def script(sock, origin):
        _, rest = origin.head(sock)
        time.sleep(0.9)  # three times client_idle_ms
        n = len(rest)
        while n < size:
            n += len(sock.recv(1 << 20))
        sock.sendall(ok(b"all of it", b"Connection: close\r\n"))

    drop_idle(bench)
    bench.a.scripts = [script]
    with bench.connect(bench.wide) as sock:
        sock.sendall(POST + b"Content-Length: %d\r\n\r\n" % size + bytes(size))
        holds(read_all(sock), b"all of it")


def test_a_backend_that_takes_nothing_is_given_up_in_the_end(bench):
    drop_idle(bench)
    bench.a.scripts = [lambda s, o: (o.head(s), o.wait_for("never"))]
    with bench.connect(bench.stuck) as sock:
        sock.sendall(POST + b"Content-Length: 100000000\r\n\r\n")
        try:
            while True:
                sock.send(bytes(1 << 20))
        except OSError:  # answered and closed
            pass
    line = bench.line()
    same((line["status"], line["end"]), (504, "stream_idle"))


def test_an_answer_that_does_not_begin_is_a_504(bench):
    drop_idle(bench)
    bench.a.scripts = [lambda s, o: (o.head(s), read_all(s))]
    holds(bench.ask(GET), b"HTTP/1.1 504 ")
    same(bench.line()["end"], "first_byte_timeout")


def test_a_silent_stream_ends_when_it_was_asked_to(bench):
    drop_idle(bench)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    bench.a.scripts = [lambda s, o: (o.head(s), s.sendall(head + b"9\r\ndata: 1\n\n\r\n"), read_all(s))]
    out = bench.ask(GET)
    holds(out, b"data: 1")
    lacks(out, b"0\r\n\r\n")
    line = bench.line()
    same((line["end"], line["protocol"]), ("stream_idle", "sse"))


def test_a_stream_beyond_its_total_time_ends(bench):
    def forever(sock, origin):
        origin.head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            sock.sendall(b"1\r\nx\r\n")
            time.sleep(0.05)

    drop_idle(bench)
    bench.a.scripts = [forever]
    lacks(bench.ask(GET), b"0\r\n\r\n")
    same(bench.line()["end"], "total_timeout")


# --- going away ---


def test_a_client_that_leaves_before_the_first_byte_ends_the_backends_work(bench):
    def script(sock, origin):
        origin.head(sock)
        origin.note("left" if not sock.recv(1) else "more")

    drop_idle(bench)
    bench.a.scripts = [script]
    sock = bench.connect()
    sock.sendall(GET_KEEP)
    assert bench.a.wait_for("head")
    sock.close()
    assert bench.a.wait_for("left"), bench.a.events
    same(bench.line()["end"], "client_abort")


def endless(sock, origin):
    origin.head(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    origin.note("left" if not sock.recv(1) else "more")


def test_a_backend_that_is_removed_keeps_its_streams_and_one_taken_down_does_not(bench):
    drop_idle(bench)
    bench.a.scripts = [endless]
    removed, down = bench.conf(), bench.conf()
    removed["pools"][0]["backends"] = []
    down["pools"][0]["backends"][0]["state"] = "down"
    with bench.connect(bench.wide) as sock:
        sock.sendall(GET_KEEP)
        assert bench.a.wait_for("head")
        holds(sock.recv(65536), b"200 OK")
        bench.reload(removed)
        holds(bench.ask(GET), b"HTTP/1.1 503 ")
        same(bench.a.events.count("left"), 0)
        bench.reload(down)
        assert bench.a.wait_for("left"), bench.a.events
        lacks(read_all(sock), b"0\r\n\r\n")
    bench.reload(bench.conf())


def test_a_client_that_reads_nothing_stops_the_backend(bench):
    sent = [0]

    def flood(sock, origin):
        origin.head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        sock.settimeout(0.3)
        try:
            while True:
                sent[0] += sock.send(b"x" * 65536)
        except (socket.timeout, ConnectionError):  # the latter: given up for client_idle_ms
            origin.note("stopped")

    drop_idle(bench)
    bench.a.scripts = [flood]
    with bench.connect() as sock:
        sock.sendall(GET)
        assert bench.a.wait_for("stopped"), bench.a.events
        assert sent[0] < 64 << 20, sent[0]
    end = bench.line()["end"]
    assert end in ("client_abort", "client_timeout"), end


def test_a_slow_client_that_closes_gets_all_of_its_answer(bench):
    size = 3 << 20

    def large(sock, origin):
        origin.head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))

    drop_idle(bench)
    bench.a.scripts = [large]
    with bench.connect(bench.wide) as sock:
        sock.sendall(GET)
        n = 0
        while more := sock.recv(65536):
            n += len(more)
            time.sleep(0.02)  # longer in all than client_idle_ms
        assert n > size, n


def test_who_asks_again_and_again_and_takes_nothing_is_asked_to_wait(bench):
    with bench.connect() as sock:
        sock.settimeout(0.3)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += sock.send(b"GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        except (socket.timeout, ConnectionError):
            pass
        assert sent < 32 << 20, sent
        bench.a.scripts = [answers(ok(b"others are served", b"Connection: close\r\n"))] * 3
        holds(bench.ask(GET), b"others are served")


sys.exit(run_claims(globals()))
