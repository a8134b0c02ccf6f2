// SPDX-License-Identifier: BSD-3-Clause
// What a stream of events is measured by: when they came from the backend and when they were with the client, and what that makes
// of it: the first event, the first token, gaps, time per token, the delay that we added, why it ended. One meter for each event
// stream, WebSocket and gRPC call; histograms and counters are those of its service (l4/model/counters.h).
//
//   1. meter_begin() when the head of the answer was passed on;
//   2. meter_event() for each event or message as it comes, `end` set before; meter_asked() for each message of a WebSocket's client;
//   3. meter_delivered() as the kernel takes what was given for the client; meter_held() when it takes no more;
//   4. meter_end(), once; then meter_rest_take() (meter_rest.h) where meter_leaves() was called.
//
// All moments are CLOCK_MONOTONIC of this process, handed in. Events of one read have one moment, that of the read.
//
// What is a token: in an event stream that is inspected, an event that bears content (token.h); on a WebSocket and in a gRPC call, where
// the configuration says that tokens are measured, each message from the backend. A WebSocket goes by turns: the first message
// after the client has spoken is measured from the first of the client's messages that had no answer.
//
// Time per output token is the time from the first token to the last, divided by the tokens that were generated in it: those after
// the first. Usage states more than that: reasoning that no event shows lies before the first token, and what was predicted and
// rejected was never said, so both are taken off. Reasoning of which events showed anything, be it a summary, was generated
// after the first token, and counts.
// One thread. Memory is for events that wait for the client (meter_mark.h) and goes with the last of them, or with meter_end().
#pragma once

#include "l4/model/conf.h"
#include "l4/model/counters.h"
#include "l7/meter_mark.h"
#include "l7/token.h"

enum meter_kind { METER_SSE, METER_WEBSOCKET, METER_GRPC, METER_KIND_COUNT };

// X(SYMBOL, name of the counter stream_ends_*)
#define METER_ENDS(X)                     \
	X(COMPLETED, completed)           \
	X(CLIENT_ABORT, client_abort)     \
	X(UPSTREAM_ERROR, upstream_error) \
	X(TIMEOUT, timeout)               \
	X(DRAINED, drained)               \
	X(ERROR_EVENT, error_event)

#define X(SYMBOL, name) METER_END_##SYMBOL,
enum meter_end { METER_ENDS(X) METER_END_COUNT };
#undef X
extern const char *const
	meter_end_names[METER_END_COUNT]; // as lb_streams_ended_total and the access log have them

enum { METER_MODEL_NONE = 0, METER_MODEL_OTHER = 1, METER_MODEL_FIRST = 2 };

struct meter_input {
	struct l7_service_counters *counters; // written by this thread alone, until meter_end()
	struct l7_service_histograms *times;
	const struct conf_l7_streams *conf; // borrowed until meter_end()
	uint64_t asked_ns;                  // the request's first byte
	uint64_t now_ns;                    // the head was passed on
	uint8_t kind;                       // enum meter_kind
	bool is_ok;                         // status 2xx: only such streams have times of tokens
	bool is_opaque; // an encoding hides where events end: nothing but begin and end is seen
};

// Where the model of a stream is counted.
struct meter_model {
	struct l7_model_counters *counters; // NULL: nowhere
	struct l7_model_histograms *times;
};

struct meter {
	struct meter_input in;
	struct meter_model of;
	// of the present turn; 0 = not yet
	uint64_t asked_ns;       // in.asked_ns, or the client's first message without answer
	uint64_t first_ns;       // first event
	uint64_t last_ns;        // latest event
	uint64_t heard_ns;       // latest sign of life
	uint64_t token_first_ns; // first event that bears content
	uint64_t token_last_ns;
	uint64_t n_contents; // events that bore content
	// of the whole stream
	uint64_t first_event_ns, first_token_ns; // from the request to each; 0 = none
	uint64_t first_token_delivered_ns;       // likewise, with the client
	uint64_t delivered_ns;                   // moment of the latest delivery
	uint64_t gap_most_ns, delay_most_ns;
	uint64_t n_events;
	uint64_t tokens_in, tokens_out;             // as stated last
	uint64_t tokens_reasoning, tokens_rejected; // of tokens_out
	uint64_t contents_stated; // n_contents + 1 when output was last stated; 0 = never
	uint64_t held_most_ns;
	struct meter_marks waiting; // events that are not with the client yet
	uint32_t end; // set by the caller: of the events that follow, in bytes given for the client
	uint32_t token_end;    // of the turn's first token, if it is waiting
	uint8_t model;         // METER_MODEL_*, or METER_MODEL_FIRST + index in conf->models
	bool is_token_waiting; // the turn's first token is not with the client yet
	bool is_asked;         // the client waits for a first event
	bool in_turn;          // the client has asked at all
	bool has_tokens;       // they are told apart, and measured
	bool is_stalled;
	bool is_leaving;    // meter_leaves()
	bool was_reasoning; // events showed some
	bool was_error;     // an event reported one
	bool was_ending;    // an event said that it is the last one
	bool was_known;     // an event was of a dialect that token.h knows
	bool was_foreign;   // one was not, or was not read
};

// m->in is set, all else is zero.
void meter_begin(struct meter *m);

// `t`: what the event says, NULL if nobody has read it. now_ns: when it was read.
void meter_event(struct meter *m, const struct token *t, uint64_t now_ns);

// An event beyond the limit, whatever it said.
void meter_oversize(struct meter *m, uint64_t now_ns);

void meter_asked(struct meter *m, uint64_t now_ns);

// The kernel has taken the first `sent` bytes of what was given for the client, modulo 2^32. Each event whose last byte is among them has its
// delay: delay_added, or delay_client if it was waiting at a meter_held(), as then it was the client that let it wait.
void meter_delivered(struct meter *m, uint32_t sent, uint64_t now_ns);
void meter_held(struct meter *m);

// Whether anything is waiting that meter_delivered(sent) would count.
static inline bool meter_is_due(const struct meter *m, uint32_t sent)
{
	return m->waiting.n && meter_mark_due(&m->waiting, sent);
}

// The stream ends, while the rest of it leaves by itself: what is waiting counts as undelivered no more. What a log says of it is as of
// now_ns; 0: there is no log.
void meter_leaves(struct meter *m, uint64_t now_ns);

// Something came from the backend, an event or not: a comment, a ping, a part.
void meter_heard(struct meter *m, uint64_t now_ns);

// How long until the stream would count as stalled, from now on; 0: it does, or would not as it is now: ask again when something came.
// Stalled is an answer that stopped within: its first token came, its end did not, and for conf->stalled_ms nothing was heard, not even
// a heartbeat; a WebSocket, whose answers have no known end, while its client has said something and nothing came. Only where tokens are
// measured: streams of other events are silent for as long as nothing happens.
uint64_t meter_stall(struct meter *m, uint64_t now_ns);

// Returns what the end really was: an error that an event reported is one whatever came after, and a client that leaves with the
// last event has got all.
enum meter_end meter_end(struct meter *m, enum meter_end end);

// Of a stream without a meter.
void meter_count_end(struct l7_service_counters *c, enum meter_end end);

// Time per token of the present turn, in ns; 0 if there are no two tokens. *is_stated: by the usage that the stream states.
uint64_t meter_per_token(const struct meter *m, bool *is_stated);

// The model was said first in the last event: where it is counted from now on.
void meter_set_model(struct meter *m, struct meter_model of);

// The model's name as metrics and log may say it: one of conf->models, "other"; NULL if none was said.
const char *meter_model(const struct meter *m);
