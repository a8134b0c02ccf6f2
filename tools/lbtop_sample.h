// SPDX-License-Identifier: BSD-3-Clause
// A sample: what the counter store said at one moment, summed over lanes, as rows of values. It comes from
// the store (lbtop_source.h) or from a record (lbtop_json.h), and nothing behind it can tell which.
// Texts are printable ASCII, whatever the store held. One thread.
#pragma once

#include "l4/base/arena.h"
#include "tools/lbtop_schema.h"

enum lbtop_state {
	LBTOP_ABSENT, // it has written no counters
	LBTOP_RUNNING,
	LBTOP_UNKNOWN,    // whether it runs cannot be told from here (stats_writer.h)
	LBTOP_STOPPED,    // it ended cleanly
	LBTOP_DEAD,       // it was killed: its process is not there
	LBTOP_REMOVED,    // the store's folder is empty; these are the counters that were in it
	LBTOP_UNREADABLE, // its counters cannot be read, though the other daemon's can
	LBTOP_STATE_COUNT
};

extern const char *const lbtop_sample_states[LBTOP_STATE_COUNT]; // "absent" "running" ...

extern const char *const lbtop_sample_daemons[LBTOP_HALVES]; // "lb4d" "lb7d"

enum { LBTOP_TEXT_SIZE = 64 };

struct lbtop_row {
	uint32_t id;     // lane, or id of the service or backend in the store
	bool is_retired; // not in the configuration any more, or of a lane that runs no more
	char name[LBTOP_TEXT_SIZE];
	char pool[LBTOP_TEXT_SIZE]; // of a backend; of an L7 service its entry of "l7"
	char address[LBTOP_TEXT_SIZE];
	char protocol[8];
	char forward[8]; // of a service
	char state[12];  // of a backend: "up" "drain" "down"; "" = not known
	char health[12]; // "unknown" "healthy" "unhealthy", "" likewise
	uint16_t weight;
	uint64_t *value; // [n_values of its kind]; the sample's
	struct stats_histogram
		*times; // [n_times of its kind], NULL while nothing was recorded; the sample's
	struct counters_log2 *logs; // [n_logs of its kind], likewise
};

struct lbtop_rows {
	struct lbtop_row *row; // [n], ascending by id; the sample's
	size_t n;
};

// A daemon, and the half of the store that it writes.
struct lbtop_daemon {
	uint8_t state; // enum lbtop_state
	bool is_bpf;   // home of the counters: BPF maps, or files
	uint32_t pid;
	uint32_t generation;
	uint32_t n_lanes; // or workers
	uint32_t
		epoch; // another one: other maps, so no difference to an earlier sample means anything
	uint64_t started_ns; // CLOCK_REALTIME
	uint64_t cycles_hz;  // of the lanes' cores; 0 = not known
};

struct lbtop_sample {
	uint64_t time_ns;  // CLOCK_REALTIME, for people
	uint64_t clock_ns; // grows evenly, for rates: CLOCK_MONOTONIC, or time_ns of a record
	struct lbtop_daemon daemon[LBTOP_HALVES];
	char node[LBTOP_TEXT_SIZE];
	struct lbtop_rows rows[LBTOP_KIND_COUNT];
	struct arena arena; // owned
};

// NULL if there is no memory.
struct lbtop_sample *lbtop_sample_new(void);
void lbtop_sample_free(struct lbtop_sample *s);

// Makes n rows of zeros; the caller fills them and may lower rows[kind].n afterwards. 0 or -ENOMEM.
NODISCARD int lbtop_sample_make_rows(struct lbtop_sample *s, enum lbtop_kind kind, size_t n);

// Gives the row histograms of zeros if it has none. 0 or -ENOMEM.
NODISCARD int lbtop_sample_make_times(struct lbtop_sample *s, enum lbtop_kind kind,
                                      struct lbtop_row *row);
// The same for its logs.
NODISCARD int lbtop_sample_make_logs(struct lbtop_sample *s, enum lbtop_kind kind,
                                     struct lbtop_row *row);

// The row with this id, NULL if there is none.
const struct lbtop_row *lbtop_sample_find(const struct lbtop_sample *s, enum lbtop_kind kind,
                                          uint32_t id);

// Copies at most size - 1 bytes of a text that may lack its end at `len`; what is not printable ASCII
// becomes "?".
void lbtop_sample_text(char *out, size_t size, const char *text, size_t len);
