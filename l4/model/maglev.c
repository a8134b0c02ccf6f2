// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/maglev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Fixed for ever: other values give another table, and nodes of both kinds would disagree.
#define SEED_PERMUTATION UINT64_C(0x6c6234372d70726d)
#define SEED_ROUNDING UINT64_C(0x6c6234372d726e64)

enum {
	TURN = 1 << 16, // credit that one proposal costs
	BATCH = 16,     // proposals of the heaviest in a round: more save branches, and up to
	// 32 measured no worse in balance and disruption
	TAIL_SLOTS = 256,     // finish() takes over when at most so many slots are free and
	TAIL_WORK = 256 * 64, // slots times bidders are at most this (fastest measured)
};

// One backend with what is derived from it; sorted by identity. A slot holds its index until the
// table is complete.
struct entrant {
	struct maglev_backend b;
	uint32_t rounding; // in 2^-32: added to the share before it is cut to whole slots
	uint32_t quota;    // slots
	uint32_t load;     // slots taken
};

// A backend that still proposes, in the order of its permutation: at, at + skip, at + 2 skip, ...
// modulo n_slots (paper, section 3.4).
struct bidder {
	uint32_t at;
	uint32_t skip;   // 1..n_slots - 1
	uint32_t left;   // slots that it may still take; more than 0 between rounds
	uint32_t index;  // of its entrant
	uint64_t rate;   // credit per round
	uint64_t credit; // below TURN between rounds
};

// A slot that is free when finish() begins.
struct vacancy {
	uint32_t slot;
	uint32_t best; // index of the bidder that would reach it first
	uint64_t when; // and when, in units of a round / 2^20
};

struct build {
	uint16_t *slot;
	uint32_t n_slots;
	uint32_t n_free;
	size_t n;                 // backends
	struct entrant *entrants; // [n]
	struct bidder *bidders;   // [n], scratch
};

static bool is_prime(uint32_t v)
{
	for (uint32_t d = 2; d * d <= v; d++)
		if (v % d == 0)
			return false;
	return v > 1;
}

static int by_identity(const void *a, const void *b)
{
	const struct entrant *x = a, *y = b;

	if (x->b.identity != y->b.identity)
		return x->b.identity < y->b.identity ? -1 : 1;
	return (x->b.id > y->b.id) - (x->b.id < y->b.id);
}

static bool takes_part(const struct entrant *e, bool only_usable)
{
	return e->b.weight && (e->b.usable || !only_usable);
}

// ---- quotas ----

// `per_weight` is slots per unit of weight in 2^-32. Whoever has a weight gets a slot at least.
static uint32_t quota_at(const struct entrant *e, uint64_t per_weight)
{
	uint64_t quota = (e->b.weight * per_weight + e->rounding) >> 32;

	return quota ? (uint32_t)quota : 1;
}

static uint64_t quota_sum(const struct build *w, bool only_usable, uint64_t per_weight)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->n; i++)
		if (takes_part(&w->entrants[i], only_usable))
			sum += quota_at(&w->entrants[i], per_weight);
	return sum;
}

static uint64_t weight_sum(const struct build *w, bool only_usable)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->n; i++)
		if (takes_part(&w->entrants[i], only_usable))
			sum += w->entrants[i].b.weight;
	return sum;
}

// Shares of the table in whole slots: the largest factor whose quotas fit in. The rounding of each
// backend is its own constant, so a quota only grows when another backend goes.
static void set_quotas(struct build *w, bool only_usable)
{
	uint64_t low = 0;
	uint64_t high = ((w->n_slots + w->n) << 32) / weight_sum(w, only_usable) + 1;
	uint64_t over;

	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (quota_sum(w, only_usable, mid) <= w->n_slots)
			low = mid;
		else
			high = mid;
	}
	over = w->n_slots - quota_sum(w, only_usable, low);
	for (size_t i = 0; i < w->n; i++) {
		struct entrant *e = &w->entrants[i];

		if (!takes_part(e, only_usable))
			continue;
		e->quota = quota_at(e, low);
		if (over && e->quota < quota_at(e, high)) { // equal in rounding: by identity
			e->quota++;
			over--;
		}
	}
}

// ---- bidding ----

static uint16_t largest_weight(const struct build *w, bool only_usable)
{
	uint16_t most = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct entrant *e = &w->entrants[i];

		if (takes_part(e, only_usable) && e->b.weight > most)
			most = e->b.weight;
	}
	return most;
}

// Lists who may take slots, in the order of identities; returns how many.
static size_t enter(struct build *w, bool only_usable)
{
	uint16_t most = largest_weight(w, only_usable);
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct entrant *e = &w->entrants[i];
		uint64_t h = hash_mix(e->b.identity, 0, SEED_PERMUTATION);

		if (!takes_part(e, only_usable) || e->load >= e->quota)
			continue;
		w->bidders[n++] = (struct bidder){
			.at = hash_range((uint32_t)(h >> 32), w->n_slots),
			.skip = 1 + hash_range((uint32_t)h, w->n_slots - 1),
			.left = e->quota - e->load,
			.rate = ((uint64_t)e->b.weight * TURN * BATCH + most - 1) / most,
			.credit = TURN / 2, // the first bid is due in the middle of its interval
			.index = (uint32_t)i,
		};
	}
	return n;
}

// Everybody bids in turn. A bid for a taken slot is lost (see the header).
// The loop has no branch that depends on the slot: whether one is free cannot be predicted.
static size_t bid_round(struct build *w, size_t n)
{
	uint32_t n_free = w->n_free, n_slots = w->n_slots;
	uint16_t *slot = w->slot;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct bidder b = w->bidders[i];

		b.credit += b.rate;
		for (uint64_t turns = b.credit / TURN; turns; turns--) {
			uint16_t was = slot[b.at];
			uint32_t take = (was == MAGLEV_NONE) & (b.left != 0);

			slot[b.at] = take ? (uint16_t)b.index : was;
			b.left -= take;
			n_free -= take;
			b.at += b.skip;
			b.at -= b.at >= n_slots ? n_slots : 0;
		}
		b.credit %= TURN;
		w->bidders[kept] = b;
		kept += b.left != 0;
	}
	w->n_free = n_free;
	return kept;
}

// Rounds in which few have credit waste time: doubles everybody's pace where that is so. Light
// backends left alone by heavy ones, or one heavy backend among a thousand light ones.
static void keep_pace(struct build *w, size_t n)
{
	uint64_t turns = 0;

	for (size_t i = 0; i < n; i++)
		turns += w->bidders[i].rate;
	if (turns >= n * TURN * BATCH / 4)
		return;
	for (size_t i = 0; i < n; i++)
		w->bidders[i].rate *= 2;
}

// a^(prime - 2) is a's inverse modulo prime (Fermat).
static uint32_t inverse(uint32_t a, uint32_t prime)
{
	uint64_t power = a, result = 1;

	for (uint32_t e = prime - 2; e; e >>= 1) {
		if (e & 1)
			result = result * power % prime;
		power = power * power % prime;
	}
	return (uint32_t)result;
}

// `skip` holds its own inverse here, so the steps from `at` to the slot are (slot - at) / skip.
static void find_best(const struct build *w, size_t n, struct vacancy *v)
{
	v->when = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct bidder *b = &w->bidders[i];
		uint64_t steps, when;

		if (!b->left)
			continue;
		steps = (uint64_t)(v->slot + w->n_slots - b->at) * b->skip % w->n_slots;
		when = (((steps + 1) * TURN - b->credit) << 20) / b->rate;
		if (when < v->when) {
			v->when = when;
			v->best = (uint32_t)i;
		}
	}
}

static size_t list_vacancies(const struct build *w, size_t n, struct vacancy *v)
{
	size_t count = 0;

	for (uint32_t s = 0; count < w->n_free; s++) {
		if (w->slot[s] != MAGLEV_NONE)
			continue;
		v[count].slot = s;
		find_best(w, n, &v[count++]);
	}
	return count;
}

static size_t earliest(const struct vacancy *v, size_t count)
{
	size_t first = 0;

	for (size_t i = 1; i < count; i++)
		if (v[i].when < v[first].when)
			first = i;
	return first;
}

// Goes on bid by bid in order of time, but from the free slots' side: to find the last few by bidding
// would cost half of all bids.
static void finish(struct build *w, size_t n)
{
	struct vacancy v[TAIL_SLOTS];
	size_t count;

	for (size_t i = 0; i < n; i++)
		w->bidders[i].skip = inverse(w->bidders[i].skip, w->n_slots);
	count = list_vacancies(w, n, v);
	while (count) {
		size_t first = earliest(v, count);
		uint32_t best = v[first].best;
		struct bidder *b = &w->bidders[best];

		w->slot[v[first].slot] = (uint16_t)b->index;
		v[first] = v[--count];
		if (--b->left)
			continue;
		for (size_t i = 0; i < count; i++)
			if (v[i].best == best)
				find_best(w, n, &v[i]);
	}
	w->n_free = 0;
}

static void fill(struct build *w, bool only_usable)
{
	size_t n;

	set_quotas(w, only_usable);
	n = enter(w, only_usable);
	while (w->n_free > TAIL_SLOTS || w->n_free * n > TAIL_WORK) {
		n = bid_round(w, n);
		keep_pace(w, n);
	}
	finish(w, n);
}

// ---- the two phases ----

static void vacate_unusable(struct build *w)
{
	for (uint32_t s = 0; s < w->n_slots; s++) {
		struct entrant *e = &w->entrants[w->slot[s]];

		if (e->b.usable) {
			e->load++;
		} else {
			w->slot[s] = MAGLEV_NONE;
			w->n_free++;
		}
	}
}

static void index_to_id(struct build *w)
{
	for (uint32_t s = 0; s < w->n_slots; s++)
		w->slot[s] = w->entrants[w->slot[s]].b.id;
}

static void enrol(struct build *w, const struct maglev_backend *backends)
{
	for (size_t i = 0; i < w->n; i++) {
		uint64_t h = hash_mix(backends[i].identity, 0, SEED_ROUNDING);

		w->entrants[i] = (struct entrant){.b = backends[i], .rounding = (uint32_t)h};
	}
	qsort(w->entrants, w->n, sizeof(*w->entrants), by_identity);
}

static bool is_valid(const struct maglev_backend *backends, size_t n, uint32_t n_slots)
{
	if (n_slots > MAGLEV_MAX_SLOTS || !is_prime(n_slots) || n > n_slots || n >= MAGLEV_NONE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (backends[i].id == MAGLEV_NONE)
			return false;
	return true;
}

int maglev_build(struct maglev *m, const struct maglev_backend *backends, size_t n,
                 uint32_t n_slots)
{
	struct build w = {.n_slots = n_slots, .n_free = n_slots, .n = n};
	int rc = -ENOMEM;

	if (!is_valid(backends, n, n_slots))
		return -EINVAL;
	w.slot = malloc(n_slots * sizeof(*w.slot));
	w.entrants = calloc(n + 1, sizeof(*w.entrants));
	w.bidders = calloc(n + 1, sizeof(*w.bidders));
	if (!w.slot || !w.entrants || !w.bidders)
		goto out;
	memset(w.slot, 0xff, n_slots * sizeof(*w.slot));
	enrol(&w, backends);
	rc = weight_sum(&w, true) ? 0 : -ENOENT;
	if (!rc) {
		fill(&w, false);
		vacate_unusable(&w);
		if (w.n_free)
			fill(&w, true);
		index_to_id(&w);
	}
	*m = (struct maglev){.slot = w.slot, .n_slots = n_slots};
	w.slot = NULL;
out:
	free(w.bidders);
	free(w.entrants);
	free(w.slot);
	return rc;
}

void maglev_fini(struct maglev *m)
{
	free(m->slot);
	*m = (struct maglev){0};
}
