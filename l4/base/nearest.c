// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/nearest.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned nearest_distance(const char *a, const char *b)
{
	unsigned d[NEAREST_MAX + 1][NEAREST_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > NEAREST_MAX || m > NEAREST_MAX)
		return UINT32_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t k = 0; k <= m; k++)
		d[0][k] = (unsigned)k;
	for (size_t i = 1; i <= n; i++)
		for (size_t k = 1; k <= m; k++) {
			d[i][k] = least(d[i - 1][k] + 1, d[i][k - 1] + 1);
			d[i][k] = least(d[i][k], d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	return d[n][m];
}

void nearest_offer(const char **best, const char *typed, const char *candidate)
{
	size_t len = strlen(typed);
	unsigned bound = len < 2 ? 0 : least(1 + (unsigned)len / 4, 3);
	unsigned distance = nearest_distance(typed, candidate);

	if (distance > bound || (*best && distance >= nearest_distance(typed, *best)))
		return;
	*best = candidate;
}
