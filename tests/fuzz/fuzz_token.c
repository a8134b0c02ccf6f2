// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as an event, its name before the first newline: the verdict is the same whatever lies behind the data, and a
// number is stated only where the data is long enough to state it.
#include <stdlib.h>

#include "l7/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static bool is_within(struct slice part, struct slice whole)
{
	return !part.len || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static bool is_same(const struct token *a, const struct token *b)
{
	return a->tokens_in == b->tokens_in && a->tokens_out == b->tokens_out &&
	       slice_eq(a->model, b->model) && a->is_content == b->is_content &&
	       a->is_end == b->is_end && a->is_error == b->is_error &&
	       a->is_malformed == b->is_malformed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	size_t n = newline ? (size_t)(newline - data) : 0, at = newline ? n + 1 : 0;
	struct event e = {.name = {data, n}, .data = {data + at, size - at}}, again = e;
	uint8_t *copy = malloc(size - at); // beyond it the sanitizer sees
	struct token t, u;

	token_read(&t, &e);
	expect(is_within(t.model, e.data));
	expect(t.has_tokens_out || !t.tokens_out);
	expect(t.tokens_out < UINT64_C(1000000000000000000));
	expect(!t.is_malformed || !slice_eq(e.data, slice_of("[DONE]", 6)));
	expect(!(t.is_known && t.is_foreign) && (t.is_known || t.is_foreign || !t.is_malformed));
	if (copy && size > at)
		memcpy(copy, data + at, size - at);
	again.data.ptr = copy;
	token_read(&u, &again);
	expect(is_same(&t, &u));
	free(copy);
	return 0;
}
