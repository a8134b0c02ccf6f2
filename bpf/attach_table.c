// SPDX-License-Identifier: BSD-3-Clause
#include "bpf/attach_table.h"

#include <bpf/bpf.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { VALUE_MAX = 64 };

static const char *entry_at(const struct attach_table *t, size_t i)
{
	return (const char *)t->entries + i * (t->key_size + t->value_size);
}

static int compare_keys(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const uint32_t *)size);
}

// All keys of the map, in the kernel's order; the number of them, or -errno.
static ssize_t list_keys(int fd, const struct attach_table *t, char *keys)
{
	const char *last = NULL;

	for (size_t n = 0; n < t->max_entries; n++) {
		char *key = keys + n * t->key_size;

		if (bpf_map_get_next_key(fd, last, key))
			return errno == ENOENT ? (ssize_t)n : -errno;
		last = key;
	}
	return t->max_entries;
}

static bool is_wanted(const struct attach_table *t, const char *wanted, const char *key)
{
	size_t first = 0, end = t->n;

	while (first < end) {
		size_t middle = first + (end - first) / 2;
		int order = memcmp(key, wanted + middle * t->key_size, t->key_size);

		if (order == 0)
			return true;
		if (order < 0)
			end = middle;
		else
			first = middle + 1;
	}
	return false;
}

static int delete_others(int fd, const struct attach_table *t, const char *wanted, char *present)
{
	ssize_t n_present = list_keys(fd, t, present);

	for (ssize_t i = 0; i < n_present; i++) {
		const char *key = present + (size_t)i * t->key_size;

		if (is_wanted(t, wanted, key))
			continue;
		if (bpf_map_delete_elem(fd, key) && errno != ENOENT)
			return -errno;
	}
	return n_present < 0 ? (int)n_present : 0;
}

// Leaves alone what is there already: the kernel reuses a replaced element at once, and a lookup that stands on
// it just then may miss its key (kernel/bpf/hashtab.c; a window too small for our test to hit).
static int add_missing(int fd, const struct attach_table *t)
{
	char present[VALUE_MAX];

	if (t->value_size > sizeof(present))
		return -EINVAL;
	for (size_t i = 0; i < t->n; i++) {
		const char *key = entry_at(t, i);
		const char *value = key + t->key_size;

		if (bpf_map_lookup_elem(fd, key, present) == 0 &&
		    memcmp(present, value, t->value_size) == 0)
			continue;
		if (bpf_map_update_elem(fd, key, value, BPF_ANY))
			return -errno;
	}
	return 0;
}

int attach_table_sync(int fd, const struct attach_table *t)
{
	char *wanted = calloc(t->n + 1, t->key_size);
	char *present = calloc(t->max_entries, t->key_size);
	uint32_t size = t->key_size;
	int rc = -ENOMEM;

	if (!wanted || !present)
		goto out;
	for (size_t i = 0; i < t->n; i++)
		memcpy(wanted + i * size, entry_at(t, i), size);
	qsort_r(wanted, t->n, size, compare_keys, &size);
	rc = add_missing(fd, t);
	if (!rc)
		rc = delete_others(fd, t, wanted, present);
out:
	free(wanted);
	free(present);
	return rc;
}
