// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf_near.h"

#include <string.h>

enum { NEAR_MAX = 24 }; // bytes; no key is longer

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

// Optimal string alignment distance (Damerau 1964, Levenshtein 1966); neither is longer than
// NEAR_MAX.
static size_t distance(const char *a, const char *b)
{
	size_t d[NEAR_MAX + 1][NEAR_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
			                d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

bool conf_near_is_known(const struct conf_object *object, const char *name)
{
	for (size_t i = 0; i < object->n_keys; i++)
		if (strcmp(object->keys[i].name, name) == 0)
			return true;
	return false;
}

const char *conf_near_find(const struct conf_object *object, const char *name)
{
	size_t n = strlen(name), best = 3;
	const char *near = NULL;

	if (n < 2 || n > NEAR_MAX)
		return NULL;
	// Who writes "proto" has "protocol" in mind, though "port" is fewer slips away.
	for (size_t i = 0; i < object->n_keys; i++)
		if (strncmp(object->keys[i].name, name, n) == 0)
			return object->keys[i].name;
	for (size_t i = 0; i < object->n_keys; i++) {
		size_t d = distance(name, object->keys[i].name);

		if (d >= best || 2 * d >= n)
			continue;
		best = d;
		near = object->keys[i].name;
	}
	return near;
}
