# SPDX-License-Identifier: BSD-3-Clause
"""alert_fired.py RULES CASES: each alert of RULES has a case in CASES (promtool test rules) in which it fires, and each
metric that its expression names has a series there of a node for which it stays silent. Says those that have none."""
import re
import sys

METRIC = re.compile(r"\b((?:lb|gen_ai)_[a-z0-9_]+|up)\b(?=[{\[ )]|$)", re.M)


def read_rules(path):
    """Name of each alert, with the metrics of its expression."""
    rules = {}
    for block in open(path, encoding="utf-8").read().split("- alert: ")[1:]:
        expression = re.search(r"expr:(.*?)(?=^ +(?:for|labels):)", block, re.S | re.M)[1]
        rules[block.split("\n", 1)[0].strip()] = set(METRIC.findall(expression))
    return rules


def read_cases(path):
    """Names of alerts that fire, and metrics that have a series of the silent node."""
    text = open(path, encoding="utf-8").read()
    fired = {
        re.search(r"alertname: (\w+)", case)[1] for case in text.split("eval_time:")[1:] if "exp_labels" in case
    }
    return fired, set(re.findall(r"series: '(\w+)\{[^}]*instance=\"below\"", text))


def main():
    rules = read_rules(sys.argv[1])
    fired, silent = read_cases(sys.argv[2])
    faults = [f"{name}: no case in which it fires" for name in rules if name not in fired]
    for name, metrics in rules.items():
        if not metrics:
            faults.append(f"{name}: names no metric")
        faults += [f"{name}: no case in which it is silent has {metric}" for metric in metrics - silent]
    for fault in faults + ([] if rules else ["no rules"]):
        print(fault)
    return 1 if faults or not rules else 0


sys.exit(main())
