// SPDX-License-Identifier: BSD-3-Clause
// What a worker is made of, for the files that run in its thread: listener, client, stream, upstream, view. The main
// thread sees worker.h alone.
#pragma once

#include "l7/conn.h"
#include "l7/kit.h"
#include "l7/message.h"
#include "l7/telemetry.h"
#include "l7/view.h"
#include "l7/worker.h"

struct downstream;
struct listener;
struct stream;
struct stream_meter_leaving;

struct worker {
	struct loop loop;
	struct worker_counters *counters;  // in the counter store
	const struct telemetry *telemetry; // borrowed
	struct view *view;                 // of the newest site; owned
	struct access_log *access;         // owned; NULL = none
	struct listener *listeners;
	struct downstream *clients;           // all, linked both ways
	struct stream *streams;               // likewise
	struct stream *spare_stream;          // for reuse
	struct stream_meter_leaving *leaving; // stream_meter.c's; NULL = none
	uint32_t n_spare;
	struct peer *peers;     // all; see view.h
	struct request request; // parsed into; used up before the callback returns
	struct response response;
	struct fields trailers;
	size_t promised; // bytes that backends of HTTP/2 may send beyond UPSTREAM_HTTP2_WINDOW, in all
	uint64_t random;  // for what need not be secret: retries, picks
	uint64_t id_high; // of request ids; low is counted
	uint64_t id_low;
	char *node;       // owned
	uint32_t n_conns; // client connections at most
	uint32_t epoch;   // counts the kits: connections to backends of an older one are not kept
	uint32_t most_conns; // client connections since memory was given back
	uint16_t index;
	bool is_draining;
	bool is_started;
	atomic_bool is_drained;
	struct timer log_timer;   // flushes the access log
	struct timer sweep_timer; // closes idle connections to backends
	pthread_t thread;
};
