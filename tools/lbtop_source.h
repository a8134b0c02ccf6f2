// SPDX-License-Identifier: BSD-3-Clause
// Samples from the counter store of a node, for as long as one asks: finds the store when it comes, and
// opens it anew when a daemon has made another one in its place. Asks no daemon. One thread.
#pragma once

#include "l4/model/stats.h"
#include "tools/lbtop_sample.h"

#include <sys/types.h>

// Which file stands in a folder; zero: none.
struct lbtop_inode {
	dev_t dev;
	ino_t ino;
};

// A half of the store.
struct lbtop_opened {
	bool is_open;
	bool is_removed;             // it was there, and nothing is now
	struct lbtop_inode inode[2]; // its first region when it was opened: pinned map, file
	uint32_t epoch;              // how often it was opened
};

struct lbtop_source {
	const char *dir; // as in the configuration key "stats"; borrowed
	char shm[STATS_DIR_SIZE];
	struct lbtop_opened opened[LBTOP_HALVES];
	struct stats l4;    // if it is open; owned
	struct stats_l7 l7; // likewise
};

// 0, or -ENAMETOOLONG with *err. Opens nothing yet.
NODISCARD int lbtop_source_init(struct lbtop_source *src, const char *dir, struct err *err);
void lbtop_source_fini(struct lbtop_source *src);

// Returns 0 and a new sample, owned by the caller; -ENOMEM, or as stats_open() with *err: no daemon has written
// counters yet, another version has, they must not be read. Then ask again later.
NODISCARD int lbtop_source_take(struct lbtop_source *src, struct lbtop_sample **out,
                                struct err *err);

// --- among the files of lbtop_source ---

// Opens a half if it is not open or another one stands in its place. 0, or what stats_open() or stats_l7_open() said.
NODISCARD int lbtop_source_open_l4(struct lbtop_source *src, struct err *err);
NODISCARD int lbtop_source_open_l7(struct lbtop_source *src, struct err *err);
// Copies a half that is open. 0 or -ENOMEM.
NODISCARD int lbtop_source_copy_l4(struct lbtop_sample *out, const struct lbtop_source *src);
NODISCARD int lbtop_source_copy_l7(struct lbtop_sample *out, const struct lbtop_source *src);
// What the kernel counts of TCP, after lb4d's rows have been copied. 0 or -ENOMEM.
NODISCARD int lbtop_source_copy_tcp(struct lbtop_sample *out, const struct stats *s);

void lbtop_source_words(uint64_t *to, const void *counters, size_t n);

// Things of one kind in an open store, under ids.
struct lbtop_part {
	enum lbtop_kind kind;
	struct stats_slots counters; // a row's values are the first words of a set
	struct stats_slots times;    // n_ids 0: it has none
	// Whether something has counted under this id.
	bool (*is_used)(const struct lbtop_source *src, uint32_t id);
	// Writes what the row is, but for its id and figures.
	void (*describe)(struct lbtop_row *row, const struct lbtop_source *src, uint32_t id);
};

// Makes a row of each id that is used. 0 or -ENOMEM.
NODISCARD int lbtop_source_copy_part(struct lbtop_sample *out, const struct lbtop_source *src,
                                     const struct lbtop_part *part);

// Of a region in which every slot is a thing of its own: a lane, a worker.
struct stats_slots lbtop_source_by_slot(struct stats_slots slots);

// Whether nothing, the opened store, or another one stands where the region `name` is looked for.
enum lbtop_found { LBTOP_FOUND_NOTHING, LBTOP_FOUND_SAME, LBTOP_FOUND_OTHER };
enum lbtop_found lbtop_source_look(const struct lbtop_source *src, enum lbtop_half half,
                                   const char *name, struct lbtop_inode here[2]);
void lbtop_source_mark(struct lbtop_opened *o, const struct lbtop_inode here[2]);
enum lbtop_state lbtop_source_state(const struct stats_writer *writer, bool is_removed);
// What the store says of a backend in numbers, in words; nothing for what it cannot mean.
void lbtop_source_backend(struct lbtop_row *row, uint8_t state, uint8_t health, uint16_t weight);
