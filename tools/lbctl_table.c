// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_table.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

static bool is_number(const struct ctl_field *f)
{
	switch ((enum ctl_kind)f->kind) {
	case CTL_U32:
	case CTL_U64:
	case CTL_I64:
	case CTL_PERCENT:
	case CTL_SECONDS:
	case CTL_PORT:
		return true;
	default:
		return false;
	}
}

static int add_columns(struct libscols_table *table, const struct ctl_type *type)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (!scols_table_new_column(table, type->fields[i].heading, 0,
		                            is_number(&type->fields[i]) ? SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	return 0;
}

static int add_line(struct libscols_table *table, const struct ctl_type *type, const void *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char text[CTL_FIELD_TEXT_SIZE];

	for (size_t i = 0; i < type->n_fields && line; i++)
		if (scols_line_set_data(line, i, ctl_field_show(&type->fields[i], row, text)))
			return -ENOMEM;
	return line ? 0 : -ENOMEM;
}

static int print_rows(const struct ctl_type *type, const struct ctl_rows *rows)
{
	struct libscols_table *table = scols_new_table();
	int rc = table ? add_columns(table, type) : -ENOMEM;

	for (uint32_t i = 0; i < rows->n && rc == 0; i++)
		rc = add_line(table, type, (const char *)rows->row + i * type->size);
	if (rc == 0) {
		// As wide as it has to be, on a terminal too: a line that breaks loses nothing.
		scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
		rc = scols_print_table(table) ? -ENOMEM : 0;
	}
	scols_unref_table(table);
	return rc;
}

static bool is_shown(const struct ctl_field *f, const void *base)
{
	return f->kind != CTL_ROWS && f->heading && !ctl_field_is_absent(f, base);
}

// Returns how many values there are.
static size_t print_values(const struct ctl_type *type, const void *base)
{
	char text[CTL_FIELD_TEXT_SIZE];
	int width = 0;
	size_t n = 0;

	for (size_t i = 0; i < type->n_fields; i++)
		if (is_shown(&type->fields[i], base) &&
		    (int)strlen(type->fields[i].heading) > width)
			width = (int)strlen(type->fields[i].heading);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ctl_field *f = &type->fields[i];

		if (!is_shown(f, base))
			continue;
		printf("%s:%*s %s\n", f->heading, width - (int)strlen(f->heading), "",
		       ctl_field_show(f, base, text));
		n++;
	}
	return n;
}

int lbctl_table_print(const struct ctl_type *type, const void *base, const char *hidden)
{
	size_t n_parts = print_values(type, base) > 0;
	int rc = 0;

	for (size_t i = 0; i < type->n_fields && rc == 0; i++) {
		const struct ctl_field *f = &type->fields[i];
		const struct ctl_rows *rows = (const void *)((const char *)base + f->offset);

		if (f->kind != CTL_ROWS || rows->n == 0 || (hidden && strcmp(hidden, f->name) == 0))
			continue;
		if (n_parts++ > 0)
			putchar('\n');
		fflush(stdout);
		rc = print_rows(f->rows, rows);
	}
	return rc;
}
