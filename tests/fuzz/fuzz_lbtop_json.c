// SPDX-License-Identifier: BSD-3-Clause
// Any line of a record: refused with a reason, or a sample that comes back the same when it is written and read again.
#include <stdlib.h>
#include <string.h>

#include "tools/lbtop_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
	if (!is_so)
		abort();
}

static char *again(const char *line)
{
	struct lbtop_sample *s = NULL;
	struct err err = {0};
	char *text;

	expect(lbtop_json_decode(&s, line, strlen(line), &err) == 0 && s);
	text = lbtop_json_encode_sample(s);
	expect(text);
	lbtop_sample_free(s);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lbtop_sample *s = NULL;
	struct err err = {0};
	char *line, *second;

	if (lbtop_json_decode(&s, (const char *)data, size, &err)) {
		expect(err.msg[0] && !s);
		return 0;
	}
	if (!s) // an object that says why there was no sample
		return 0;
	line = lbtop_json_encode_sample(s);
	expect(line);
	second = again(line);
	expect(strcmp(line, second) == 0);
	free(line);
	free(second);
	lbtop_sample_free(s);
	return 0;
}
