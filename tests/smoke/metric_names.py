# SPDX-License-Identifier: BSD-3-Clause
"""metric_names.py METRICS FILE...: every metric that the files name is in METRICS, a page of /metrics, and so are the
labels that they select by or group by. Says those that are not."""
import re
import sys

NAME = re.compile(r"\b((?:lb|gen_ai)_[a-z0-9_]+)\b(\{[^}]*\})?")
GROUPS = re.compile(r"\b(?:by|without) \(([^)]*)\)")
SAMPLE = re.compile(r"^([a-z0-9_]+)(?:\{(.*)\})? \S+$")
LABEL = re.compile(r'([a-z_]+)="')
OF_PROMETHEUS = {"instance", "job"}


def read_page(path):
    """Names of samples, with the labels they have."""
    names = {}
    for line in open(path, encoding="utf-8"):
        match = SAMPLE.match(line)
        if match:
            names.setdefault(match[1], set()).update(LABEL.findall(match[2] or ""))
    return names


def check(path, names):
    text = "".join(line for line in open(path, encoding="utf-8")).replace('\\"', '"')
    known = OF_PROMETHEUS.union(*names.values())
    found = 0
    for name, selector in NAME.findall(text):
        if name not in names:
            yield f"{path}: {name}"
            continue
        found += 1
        for label in re.findall(r"([a-z_]+)\s*(?:=~|!=|!~|=)", selector):
            if label not in names[name] | OF_PROMETHEUS:
                yield f"{path}: {name} has no label {label}"
    for labels in GROUPS.findall(text):
        for label in re.findall(r"[a-z_]+", labels):
            if label not in known:
                yield f"{path}: no label {label}"
    if not found:
        yield f"{path}: names no metric"


def main():
    names = read_page(sys.argv[1])
    faults = [fault for path in sys.argv[2:] if not path.endswith("scrape.yml") for fault in check(path, names)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
