// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_json.h"

static void print_value(FILE *f, const struct ctl_field *field, const void *base)
{
	char text[CTL_FIELD_TEXT_SIZE];

	ctl_field_show(field, base, text);
	switch ((enum ctl_kind)field->kind) {
	case CTL_BOOL:
		fputs(*text == 'y' ? "true" : "false", f);
		break;
	case CTL_U32:
	case CTL_U64:
	case CTL_I64:
	case CTL_PORT:
		fputs(text, f);
		break;
	default:
		fprintf(f, "\"%s\"", text);
	}
}

void lbctl_json_print(FILE *f, const struct ctl_type *type, const void *base)
{
	const char *before = "{";

	for (size_t i = 0; i < type->n_fields; i++) {
		if (ctl_field_is_absent(&type->fields[i], base))
			continue;
		fprintf(f, "%s\n  \"%s\": ", before, type->fields[i].name);
		print_value(f, &type->fields[i], base);
		before = ",";
	}
	fputs("\n}\n", f);
}
