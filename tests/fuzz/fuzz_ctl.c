// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a line of the control protocol, read as a request and as every answer: no crash, no leak, and
// a request that is valid can be written and read again.
#include <stdlib.h>
#include <string.h>

#include "l4/model/ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_notice(const char *line, size_t len)
{
	struct ctl_request notice;
	struct err err;

	if (ctl_notice_decode(&notice, line, len, &err) == 0)
		ctl_request_free(&notice);
}

static void try_answers(const char *line, size_t len)
{
	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		union ctl_result result;
		struct err err;

		if (ctl_answer_decode(&result, m, line, len, &err) == 0)
			ctl_method_free_result(m, &result);
	}
	free(ctl_answer_text(line, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_request request, again;
	struct err err;
	size_t len;
	char *line;

	try_notice((const char *)data, size);
	if (ctl_request_decode(&request, (const char *)data, size, &err)) {
		try_answers((const char *)data, size);
		return 0;
	}
	line = ctl_request_encode(&request, &len);
	if (!line || ctl_request_decode(&again, line, len, &err) || again.method != request.method)
		abort();
	free(line);
	ctl_request_free(&again);
	ctl_request_free(&request);
	return 0;
}
