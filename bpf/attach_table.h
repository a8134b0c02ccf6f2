// SPDX-License-Identifier: BSD-3-Clause
// A hash map of the kernel's as one table that is replaced as a whole, without a moment in which an entry that
// stays is missing. Between the files of bpf/ only.
#pragma once

#include <stddef.h>
#include <stdint.h>

// What the map is to hold: entries[n], each a key and, right behind it, its value; no key twice.
struct attach_table {
	const void *entries;
	size_t n;
	uint32_t key_size, value_size; // bytes
	uint32_t max_entries;          // of the map
};

// Makes the map equal to *t. Adds before it deletes. 0, -E2BIG: more than max_entries of old and new; -ENOMEM; or
// what the kernel said. On failure the map may hold old and new.
int attach_table_sync(int fd, const struct attach_table *t);
