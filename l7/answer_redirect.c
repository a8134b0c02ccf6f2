// SPDX-License-Identifier: BSD-3-Clause
#include "l7/answer.h"
#include "l7/rewrite.h"

bool answer_redirect(struct answer *out, const struct conf_redirect *conf, const struct request *r,
                     struct text *scratch)
{
	size_t start = scratch->len;

	if (!rewrite_location(scratch, conf->location, r)) {
		scratch->len = start;
		return false;
	}
	*out = (struct answer){
		.status = conf->status,
		.location = slice_of(scratch->ptr + start, scratch->len - start),
	};
	return true;
}
