// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l7/rewrite.h"
#include "tests/support/guard.h"

static struct slice z(const char *text)
{
	return slice_of(text, strlen(text));
}

static const struct {
	const char *location, *authority, *path, *query, *want; // NULL: refused
} locations[] = {
	{"https://$host$uri", "example.com", "/a", NULL, "https://example.com/a"},
	{"https://$host$uri", "example.com:8080", "/a", "b=c", "https://example.com/a?b=c"},
	{"https://$host$uri", "example.com", "/a", "", "https://example.com/a?"},
	{"https://$host:8443$uri", "[2001:db8::1]:80", "/", NULL, "https://[2001:db8::1]:8443/"},
	{"https://$host/", "[2001:db8::1]", "/", NULL, "https://[2001:db8::1]/"},
	{"https://www.$host$uri", "example.com", "/", NULL, "https://www.example.com/"},
	{"/moved", "example.com", "/a", "b", "/moved"},
	{"https://x/$$host", "a", "/", NULL, "https://x/$a"},
	{"https://x/$hos$ur$", "a", "/", NULL, "https://x/$hos$ur$"},
	{"/new$uri", "a", "/x", NULL, "/new/x"},
	// Not to a host of the client's choice.
	{"$uri", "a", "//evil.example/", NULL, "/evil.example/"},
	{"$uri", "a", "/\\evil.example/", NULL, "/evil.example/"},
	{"$uri", "a", "///\\/evil.example/", NULL, "/evil.example/"},
	{"/$uri", "a", "/evil.example/", NULL, "/evil.example/"},
	{"/$uri", "a", "/\\/evil.example/", NULL, "/evil.example/"},
	{"/x$uri", "a", "/a\\b", NULL, "/x/a%5Cb"},
	{"https://$host$uri", "a", "//evil.example/", NULL, "https://a//evil.example/"},
	{"https://$host/", "a@evil.example", "/", NULL, NULL},
	{"https://$host/", "evil.example/x", "/", NULL, NULL},
	{"https://$host/", "", "/", NULL, NULL},
	{"https://$host/", ":80", "/", NULL, NULL},
	// Nothing that ends a line, a field or an attribute.
	{"https://$host/", "a\r\nb", "/", NULL, NULL},
	{"$uri", "a", "/\r\nSet-Cookie: x", NULL, "/%0D%0ASet-Cookie:%20x"},
	{"$uri", "a", "/\"><script>", "\xff\x7f", "/%22%3E%3Cscript%3E?%FF%7F"},
	{"$uri", "a", "/%0d%0a", NULL, "/%0d%0a"},
	{"/a\r\nb", "a", "/", NULL, NULL},
	{"/a b", "a", "/", NULL, NULL},
};

Test(rewrite_location, a_location_is_made_of_the_request)
{
	for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
		static struct request r;
		char out[256];
		struct text t = text_of(out, sizeof(out));
		bool is_made;

		r = (struct request){.authority = z(locations[i].authority),
		                     .path = z(locations[i].path)};
		if (locations[i].query)
			r.query = z(locations[i].query);
		is_made = rewrite_location(&t, locations[i].location, &r);
		cr_expect_eq(is_made, locations[i].want != NULL, "%s %zu", locations[i].location,
		             i);
		if (is_made && locations[i].want)
			cr_expect(slice_eq(text_slice(&t), z(locations[i].want)), "%zu: %.*s", i,
			          (int)t.len, out);
	}
}

Test(rewrite_location, a_location_that_does_not_fit_is_said)
{
	static struct request r;

	r = (struct request){.authority = z("example.com"), .path = z("/\x01")};
	for (size_t size = 0; size < 24; size++) {
		uint8_t *out = guard_alloc(size);
		struct text t = text_of(out, size);

		cr_expect_eq(rewrite_location(&t, "https://$host$uri", &r), size >= 23, "%zu",
		             size);
		guard_free(out, size);
	}
}
