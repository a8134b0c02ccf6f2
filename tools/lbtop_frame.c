// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_frame.h"

struct lbtop_frame lbtop_frame_of(enum lbtop_page_id page)
{
	return (struct lbtop_frame){.page = (uint8_t)page, .sort = lbtop_pages[page].sort};
}

struct lbtop_frame *lbtop_frame_current(struct lbtop_view *v)
{
	return v->n_zoom ? &v->zoom[v->n_zoom - 1] : &v->base[v->tab];
}

bool lbtop_frame_collect(struct lbtop_items *items, const struct lbtop_view *v,
                         const struct lbtop_frame *f, const struct lbtop_model *m)
{
	const struct lbtop_page *page = &lbtop_pages[f->page];
	struct lbtop_scope scope = {.model = m, .shows_all = v->shows_all, .target = f->target};

	if (!page->collect(&scope, items))
		return false;
	lbtop_table_filter(&page->table, items, f->filter);
	lbtop_table_sort(&page->table, items, f->sort, f->is_reversed);
	return true;
}

ssize_t lbtop_frame_chosen(const struct lbtop_frame *f, const struct lbtop_items *items)
{
	for (size_t i = 0; f->has_chosen && i < items->n; i++)
		if (items->item[i].id == f->chosen)
			return (ssize_t)i;
	return -1;
}
