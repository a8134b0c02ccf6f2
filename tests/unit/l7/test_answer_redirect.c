// SPDX-License-Identifier: BSD-3-Clause
#include "l7/answer.h"
#include "tests/unit/l7/requestbuild.h"

#include <criterion/criterion.h>

static char bytes[1024], scratch_bytes[1024];
static struct text scratch;

Test(answer_redirect, a_redirect_names_its_location)
{
	struct text t = text_of(bytes, sizeof(bytes) - 1);
	struct conf_redirect conf = {308, "https://$host$uri"};
	const struct request *r = requestbuild("a.example", "/x?y=1");
	struct answer a;

	scratch = text_of(scratch_bytes, sizeof(scratch_bytes));
	cr_assert(answer_redirect(&a, &conf, r, &scratch));
	cr_assert(answer_write(&t, &a, 1, false, false));
	cr_expect_str_eq(bytes, "HTTP/1.1 308 Permanent Redirect\r\n"
	                        "Location: https://a.example/x?y=1\r\n"
	                        "Content-Length: 0\r\n"
	                        "\r\n");
}

Test(answer_redirect, a_redirect_that_does_not_fit_is_refused)
{
	struct conf_redirect conf = {302, "https://a.example/$uri"};
	struct answer a = {.status = 1};

	for (size_t size = 0; size < 20; size++) {
		scratch = text_of(scratch_bytes, size);
		cr_expect(!answer_redirect(&a, &conf, requestbuild("", "/xyz"), &scratch));
		cr_expect_eq(scratch.len, 0);
	}
	cr_expect_eq(a.status, 1);
}
