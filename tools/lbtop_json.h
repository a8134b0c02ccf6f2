// SPDX-License-Identifier: BSD-3-Clause
// A sample as one line of JSON: what --json prints, --record writes and --replay reads. Counters stand under their
// names, so that a record outlives a change of the counters: what a reader does not know it leaves out, what a
// record lacks is 0. Times are ns since 1970. One thread.
//
//	{"lbtop": 1, "time_ns": N, "node": "edge-1",
//	 "lb4d": {"state": "running", "home": "bpf", "pid": N, "generation": N, "lanes": N, "epoch": N, "started_ns": N},
//	 "services": [{"id": 1, "name": "web", "address": "203.0.113.10:80", "protocol": "tcp", "forward": "dsr", "pool": "web",
//	               "counters": {"packets": N, ...}, "rates": {"packets": N, ...}}, ...],
//	 "backends": [...], "lanes": [{"id": 0, "counters": {...}, "reasons": {...}, "rates": {...}}, ...]}
//
// Rows of "l7_services" and "l7_backends" have "times", too, by name:
//	{"time_to_first_byte": {"sum_ns": N, "buckets": [[BOUND_NS, N], ...], "p50_ns": N, "p90_ns": N, "p99_ns": N}, ...}
// where a bucket counts what is at most its bound and above that of the one before in the store, and [-1, N] what is above
// all; buckets that are zero are left out. The percentiles are over the last minute.
//
// Rows of "tcp_services" and "tcp_backends" have "histograms", which count by powers of two in a unit of their own:
//	{"rtt": {"unit": "us", "sum": N, "buckets": [[LARGEST, N], ...], "p50": X, "p90": X, "p99": X}, ...}
//
// "reasons" has those that are not zero, and so has "counters" in a record. "rates" (a second, since the object before it) is there for whoever reads
// --json, where it is known; --replay computes it anew.
#pragma once

#include "l4/base/err.h"
#include "tools/lbtop_model.h"

enum { LBTOP_JSON_VERSION = 1 };

// The newest sample of the model with its rates; one line with its end, for free(). NULL: no memory.
char *lbtop_json_encode(const struct lbtop_model *m);
// A sample alone.
char *lbtop_json_encode_sample(const struct lbtop_sample *s);
// {"lbtop": 1, "time_ns": N, "error": "..."}: there is no sample, and why.
char *lbtop_json_encode_error(const struct err *err, uint64_t time_ns);

// Reads a line of `len` bytes. Returns 0 and *out, owned by the caller and NULL for an object that says "error"; -EPROTO with
// *err: not JSON, not of lbtop, of a version that is not ours, or with values that cannot be; -ENOMEM.
NODISCARD int lbtop_json_decode(struct lbtop_sample **out, const char *line, size_t len,
                                struct err *err);
