// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_feed.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int lbctl_feed_open(struct lbctl_feed *f, int fd, struct err *err)
{
	struct stat st;

	*f = (struct lbctl_feed){0};
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return err_set(err, -EPROTO, "the daemon passed no memory");
	f->size = (size_t)st.st_size;
	f->memory = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f->memory == MAP_FAILED)
		return err_set(err, -errno, "the daemon's memory: %s", strerror(errno));
	if (!capture_ring_is_sound(f->memory, f->size)) {
		munmap(f->memory, f->size);
		return err_set(err, -EPROTO,
		               "the daemon speaks of packets in another way: another version?");
	}
	f->n_lanes = f->memory->n_lanes;
	for (uint32_t i = 0; i < f->n_lanes; i++)
		capture_ring_reader(&f->lane[i], f->memory, i);
	return 0;
}

void lbctl_feed_close(struct lbctl_feed *f)
{
	munmap(f->memory, f->size);
	f->memory = NULL;
}

static bool is_known(const struct lbctl_feed *f, const struct capture_record *r)
{
	return r->lane < f->n_lanes && r->port < CONF_MAX_PORTS && r->out_port < CONF_MAX_PORTS;
}

int lbctl_feed_peek(struct lbctl_feed *f, uint64_t until_ns, const struct capture_record **out)
{
	*out = NULL;
	for (uint32_t i = 0; i < f->n_lanes; i++) {
		const struct capture_record *r;
		int rc = capture_ring_peek(&f->lane[i], &r);

		if (rc)
			return rc;
		if (r && r->time_ns <= until_ns && (!*out || r->time_ns < (*out)->time_ns))
			*out = r;
	}
	// Its lane tells which ring it is taken from.
	return *out && !is_known(f, *out) ? -EPROTO : 0;
}

uint64_t lbctl_feed_missed(const struct lbctl_feed *f, const struct capture_record *record)
{
	return record->missed - f->missed[record->lane][record->port];
}

void lbctl_feed_next(struct lbctl_feed *f, const struct capture_record *record)
{
	f->missed[record->lane][record->port] = record->missed;
	capture_ring_next(&f->lane[record->lane], record);
}

struct capture_counts lbctl_feed_counts(const struct lbctl_feed *f)
{
	struct capture_counts sum = {0};

	for (uint32_t i = 0; i < f->n_lanes; i++)
		capture_ring_sum(&f->lane[i], &sum);
	return sum;
}

struct capture_counts lbctl_feed_port_counts(const struct lbctl_feed *f, uint8_t port)
{
	struct capture_counts sum = {0};

	for (uint32_t i = 0; i < f->n_lanes; i++)
		capture_ring_sum_port(&f->lane[i], port, &sum);
	return sum;
}

enum capture_end lbctl_feed_end(const struct lbctl_feed *f)
{
	return __atomic_load_n(&f->memory->end, __ATOMIC_ACQUIRE);
}
