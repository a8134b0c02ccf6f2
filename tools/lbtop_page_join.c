// SPDX-License-Identifier: BSD-3-Clause
// Lines of which lb4d counts a part and lb7d another.
#include "tools/lbtop_page.h"

#include <stdlib.h>
#include <string.h>

struct join {
	const struct lbtop_row **row; // [n], lb7d's, sorted; owned
	bool *is_taken;               // [n]; owned
	size_t n;
	bool has_pools; // their names are unique in their pool only
};

static int compare(const struct lbtop_row *a, const struct lbtop_row *b, bool has_pools)
{
	int sign = strcmp(a->name, b->name);

	if (!sign && has_pools)
		sign = strcmp(a->pool, b->pool);
	return sign ? sign : a->is_retired - b->is_retired;
}

static int by_name(const void *a, const void *b, void *has_pools)
{
	return compare(*(const struct lbtop_row *const *)a, *(const struct lbtop_row *const *)b,
	               *(const bool *)has_pools);
}

static bool join_init(struct join *j, const struct lbtop_rows *rows, bool has_pools)
{
	*j = (struct join){.n = rows->n, .has_pools = has_pools};
	j->row = calloc(rows->n + 1, sizeof(*j->row));
	j->is_taken = calloc(rows->n + 1, sizeof(*j->is_taken));
	if (!j->row || !j->is_taken)
		return false;
	for (size_t i = 0; i < rows->n; i++)
		j->row[i] = &rows->row[i];
	qsort_r(j->row, j->n, sizeof(*j->row), by_name, &j->has_pools);
	return true;
}

static void join_fini(struct join *j)
{
	free(j->row);
	free(j->is_taken);
}

// lb7d's row of the same name, which nobody else gets then.
static const struct lbtop_row *take(struct join *j, const struct lbtop_row *row)
{
	size_t low = 0, high = j->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(j->row[middle], row, j->has_pools) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == j->n || j->is_taken[low] || compare(j->row[low], row, j->has_pools) != 0)
		return NULL;
	j->is_taken[low] = true;
	return j->row[low];
}

static bool add_l4(const struct lbtop_scope *scope, enum lbtop_kind l4, enum lbtop_kind l7,
                   struct join *j, struct lbtop_items *items)
{
	const struct lbtop_rows *rows = &scope->model->now->rows[l4];

	for (size_t i = 0; i < rows->n; i++) {
		const struct lbtop_row *row = &rows->row[i], *other;
		struct lbtop_item item;

		if (row->is_retired && !scope->shows_all)
			continue;
		item = lbtop_page_item(scope, l4, row);
		other = take(j, row);
		if (other)
			item.pair[LBTOP_LB7D] = lbtop_model_pair(scope->model, l7, other);
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}

static bool add_l7(const struct lbtop_scope *scope, enum lbtop_kind l7, const struct join *j,
                   struct lbtop_items *items)
{
	for (size_t i = 0; i < j->n; i++) {
		struct lbtop_item item;

		if (j->is_taken[i] || (j->row[i]->is_retired && !scope->shows_all))
			continue;
		item = lbtop_page_item(scope, l7, j->row[i]);
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}

bool lbtop_page_join(const struct lbtop_scope *scope, enum lbtop_kind l4, enum lbtop_kind l7,
                     struct lbtop_items *items)
{
	struct join j;
	bool is_done = join_init(&j, &scope->model->now->rows[l7], l4 == LBTOP_BACKEND) &&
	               add_l4(scope, l4, l7, &j, items) && add_l7(scope, l7, &j, items);

	join_fini(&j);
	return is_done;
}
