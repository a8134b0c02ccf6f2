// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a configuration: no crash, no leak, and what is valid can be written and read again.
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *first, *second;
	char *text, *again;

	if (conf_parse(&first, (const char *)data, size, NULL))
		return 0;
	text = conf_text(first);
	if (!text || conf_parse(&second, text, strlen(text), NULL))
		abort();
	again = conf_text(second);
	if (!again || strcmp(text, again) != 0)
		abort();
	free(text);
	free(again);
	conf_free(first);
	conf_free(second);
	return 0;
}
