#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""h2_conformance.py PORT [--tls] [--wait SECONDS] [--only TEXT]: the cases of h2_cases.py and h2_cases_more.py against a server on
the loopback, a connection for each, some at a time. Prints a line for each case that fails, and at the end
"N passed, N failed"; status 1 if one failed. Its page / has at least 5 bytes and takes GET, HEAD and POST.

--must-fail good, bad: a control, the other way round. The server is one of h2_controls.py, to which the cases that want an
answer, or those that want an error, must all fail."""
import argparse
import concurrent.futures
import socket
import sys

import h2_cases
import h2_cases_more  # noqa: F401  adds its cases
from h2frames import PREFACE, SETTINGS, Peer, Wrong, settings


def whole_case(peer, steps, judge):
    peer.begin()
    pending = b""
    for step in steps:
        if isinstance(step, bytes):
            pending += step
            continue
        peer.send(pending)
        pending = b""
        step(peer)
    peer.send(pending)
    judge(peer)


def first_is_settings(peer):
    peer.send(PREFACE + settings())
    f = peer.wait(lambda f: True, "SETTINGS")
    if f.kind != SETTINGS or f.flags:
        raise Wrong("%s came first" % f)


def bad_preface(peer):
    peer.send(b"INVALID CONNECTION PREFACE\r\n\r\n")
    peer.rest = b""
    drop_all(peer)


def half_preface(peer):
    """It differs in its last byte, when it looked like HTTP/2 all the while."""
    peer.send(PREFACE[:-1] + b"\r")
    drop_all(peer)


def no_settings(peer):
    peer.send(PREFACE + h2_cases.ping())
    peer.wait_end()


def drop_all(peer):
    """It may answer in HTTP/1, or in HTTP/2, but then it ends the connection."""
    try:
        while peer.sock.recv(65536):
            pass
    except socket.timeout:
        raise Wrong("the connection goes on") from None
    except OSError:
        pass


STARTS = [
    ("3.4", "the first frame is SETTINGS", first_is_settings),
    ("3.4", "something else instead of the preface", bad_preface),
    ("3.4", "a preface with a wrong last byte", half_preface),
    ("3.4", "PING instead of SETTINGS", no_settings),
]


def run(args, section, what, body):
    """None, or what went wrong."""
    if args.only and args.only not in "%s %s" % (section, what):
        return None
    try:
        peer = Peer(args.port, args.tls, args.wait)
    except (OSError, Wrong) as error:
        return "%s %s: no connection: %s" % (section, what, error)
    try:
        body(peer)
    except (Wrong, OSError, ValueError) as error:
        return "%s %s: %s" % (section, what, error)
    finally:
        peer.close()
    return None


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--wait", type=float, default=3.0)
    parser.add_argument("--only")
    parser.add_argument("--must-fail", choices=("good", "bad"))
    args = parser.parse_args()
    cases = [(section, what, body, None if body is first_is_settings else False) for section, what, body in STARTS]
    for section, what, steps, judge in h2_cases.CASES:
        cases.append((section, what, lambda p, s=steps, j=judge: whole_case(p, s, j), getattr(judge, "good", False)))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda c: run(args, *c[:3]), cases))
    wrong = [r for r in results if r]
    if args.must_fail:
        cases = [(c, r) for c, r in zip(cases, results) if c[3] == (args.must_fail == "good")]
        wrong = ["%s %s passes" % c[:2] for c, r in cases if not r]
    for line in wrong:
        print(line)
    print("%d passed, %d failed" % (len(cases) - len(wrong), len(wrong)))
    sys.exit(bool(wrong))


main()
