#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Says what a variant costs beside another, from windows that were measured side by side.

    paired.py NAME ON OFF[,AGAIN] [UNIT_NS] <windows

A line of input is "LIFE TURN VARIANT NANOSECONDS COUNT". A pair is one turn's ON and the mean of its OFF and AGAIN, which are the
same code twice; the ratio is the median of the pairs' ratios, ours is the yardstick (the median of OFF) times that. The interval
holds the true median in 95 of 100 cases: by a bootstrap of two steps, first the lives (what a process finds of memory and addresses
stays with it), then the turns of each. AGAIN beside OFF, which should be 1, shows what can be told apart at all.
"""
import collections
import random
import statistics
import sys

RESAMPLES = 1000


def read_turns(lines):
    """{life: [{variant: ns each}]}, whole turns alone."""
    turns = collections.defaultdict(dict)
    for line in lines:
        life, turn, variant, ns, count = line.split()
        turns[life, turn][variant] = int(ns) / int(count)
    lives = collections.defaultdict(list)
    for (life, _), windows in turns.items():
        lives[life].append(windows)
    return lives


def median_of(lives):
    return statistics.median(ratio for life in lives for ratio in life)


def interval(lives, rng):
    medians = sorted(
        median_of([rng.choices(life, k=len(life)) for life in rng.choices(lives, k=len(lives))]) for _ in range(RESAMPLES))
    return medians[RESAMPLES // 40], medians[-1 - RESAMPLES // 40]


def ratios(lives, above, below):
    return [[above(w) / below(w) for w in turns] for turns in lives.values()]


def main(argv):
    name, on, off = argv[1:4]
    unit = float(argv[4]) if len(argv) > 4 else 1000
    offs = off.split(",")
    lives = read_turns(sys.stdin)
    rng = random.Random(47)
    pairs = ratios(lives, lambda w: w[on], lambda w: statistics.mean(w[o] for o in offs))
    ratio, (low, high) = median_of(pairs), interval(pairs, rng)
    yardstick = statistics.median(w[offs[0]] for turns in lives.values() for w in turns) / unit
    same = ""
    if len(offs) > 1:
        control = ratios(lives, lambda w: w[offs[1]], lambda w: w[offs[0]])
        same = ", itself beside itself %.4f (%.4f..%.4f)" % (median_of(control), *interval(control, rng))
    print("# %s: %.4f (95 %%: %.4f..%.4f), %d pairs%s" % (name, ratio, low, high, sum(map(len, pairs)), same))
    print("bench %s ours=%.3f yardstick=%.3f ratio=%.3f" % (name, yardstick * ratio, yardstick, ratio), flush=True)


main(sys.argv)
