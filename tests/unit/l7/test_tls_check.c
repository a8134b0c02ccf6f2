// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_check.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX_SAID = 8 };

static struct said { // sentences, in order
	char text[MAX_SAID][256];
	size_t n;
} mistakes, advice;

static void begin(void)
{
	tlsbuild_begin();
	tlsbuild_leaf("good", "DNS:good.example.com", 0, 30);
	tlsbuild_leaf("other", "DNS:other.example.com", 0, 30);
	tlsbuild_leaf("expired", "DNS:expired.example.com", -30, -1);
	tlsbuild_leaf("early", "DNS:early.example.com", 1, 30);
	tlsbuild_file("empty", "");
}

TestSuite(tls_check, .init = begin, .fini = tlsbuild_end);

static void note(struct said *s, const char *sentence)
{
	cr_assert_lt(s->n, MAX_SAID);
	snprintf(s->text[s->n++], sizeof(*s->text), "%s", sentence);
}

static void on_mistake(const char *sentence, void *data)
{
	cr_expect_eq(data, &mistakes);
	note(&mistakes, sentence);
}

static void on_advice(const char *sentence, void *data)
{
	cr_expect_eq(data, &mistakes);
	note(&advice, sentence);
}

static void check(const char *text)
{
	struct conf *conf = tlsbuild_conf(text);

	mistakes.n = advice.n = 0;
	cr_expect_eq(tls_check(conf, on_mistake, on_advice, &mistakes), mistakes.n);
	conf_free(conf);
}

struct files {
	const char *certificate, *key;
};

// An L7 entry with these, behind one that has a good one.
static void check_files(const struct files *files, size_t n)
{
	char list[512] = "", text[1024];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len,
		                        "%s{'certificate': '%s', 'key': '%s'}", i ? ", " : "",
		                        files[i].certificate, files[i].key);
	snprintf(
		text, sizeof(text),
		"{'l7': [{'name': 'first', 'tls': [{'certificate': 'good.pem', 'key': 'good.key'}],"
		" 'routes': [{'path': '/', 'pool': 'p'}]},"
		" {'name': 'web', 'tls': [%s], 'routes': [{'path': '/', 'pool': 'p'}]}],"
		" 'pools': [{'name': 'p', 'backends': []}]}",
		list);
	check(text);
}

Test(tls_check, what_is_right_is_passed_in_silence)
{
	static const struct files files[] = {{"good.pem", "good.key"}, {"other.pem", "other.key"}};

	check_files(files, ARRAY_LEN(files));
	cr_expect_eq(mistakes.n, 0, "%s", mistakes.text[0]);
	cr_expect_eq(advice.n, 0, "%s", advice.text[0]);
}

Test(tls_check, every_mistake_is_told_not_the_first_alone)
{
	static const struct files files[] = {
		{"gone.pem", "gone.key"}, {"good.pem", "other.key"}, {"good.pem", "good.key"},
		{"empty", "good.key"},    {"good.pem", "good.pem"},
	};
	static const char *const want[] = {
		"l7[1].tls[0].certificate: gone.pem: No such file or directory",
		"l7[1].tls[1].key: other.key: does not belong to good.pem",
		"l7[1].tls[3].certificate: empty: holds no certificate in PEM",
		"l7[1].tls[4].key: good.pem: holds no private key in PEM",
	};

	check_files(files, ARRAY_LEN(files));
	cr_assert_eq(mistakes.n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		cr_expect_str_eq(mistakes.text[i], want[i]);
}

Test(tls_check, authorities_of_verified_backends_are_opened)
{
	check("{'pools': [{'name': 'a', 'tls': {'ca': 'ca.pem'}, 'backends': []},"
	      " {'name': 'b', 'tls': {'ca': 'gone.pem'}, 'backends': []},"
	      " {'name': 'c', 'tls': {'ca': 'empty'}, 'backends': []},"
	      " {'name': 'd', 'tls': {'verify': false}, 'backends': []}]}");
	cr_assert_eq(mistakes.n, 2);
	cr_expect_str_eq(mistakes.text[0], "pools[1].tls.ca: gone.pem: No such file or directory");
	cr_expect(strncmp(mistakes.text[1], "pools[2].tls.ca: empty: ", 24) == 0, "%s",
	          mistakes.text[1]);
}

// Opened in the ordinary way, a pipe keeps who reads it waiting until somebody writes; for ever.
Test(tls_check, what_is_no_file_is_refused_at_once, .timeout = 10)
{
	static const struct files files[] = {
		{"pipe", "good.key"}, {"good.pem", "pipe"}, {".", "good.key"}};
	static const char *const want[] = {
		"l7[1].tls[0].certificate: pipe: not a regular file",
		"l7[1].tls[1].key: pipe: not a regular file",
		"l7[1].tls[2].certificate: .: not a regular file",
	};
	char path[512];

	snprintf(path, sizeof(path), "%s/pipe", tlsbuild_folder());
	cr_assert_eq(mkfifo(path, 0600), 0);
	check_files(files, ARRAY_LEN(files));
	cr_assert_eq(mistakes.n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		cr_expect_str_eq(mistakes.text[i], want[i]);
	check("{'pools': [{'name': 'a', 'tls': {'ca': 'pipe'}, 'backends': []}]}");
	cr_assert_eq(mistakes.n, 1);
	cr_expect_str_eq(mistakes.text[0], "pools[0].tls.ca: pipe: not a regular file");
}

Test(tls_check, files_of_entries_that_other_hosts_serve_are_theirs)
{
	check("{'services': [{'name': 's', 'address': '192.0.2.1', 'port': 443, 'protocol': 'tcp',"
	      " 'l7': 'web'}],"
	      " 'l7': [{'name': 'web', 'hosts': 'far',"
	      " 'tls': [{'certificate': 'gone.pem', 'key': 'gone.key'}],"
	      " 'routes': [{'path': '/', 'pool': 'p'}]}],"
	      " 'pools': [{'name': 'p', 'backends': []}, {'name': 'far', 'backends': []}]}");
	cr_expect_eq(mistakes.n, 0, "%s", mistakes.text[0]);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

Test(tls_check, certificates_out_of_date_are_advised_against)
{
	static const struct files files[] = {{"expired.pem", "expired.key"},
	                                     {"early.pem", "early.key"}};

	check_files(files, ARRAY_LEN(files));
	cr_expect_eq(mistakes.n, 0, "%s", mistakes.text[0]);
	cr_assert_eq(advice.n, 2);
	cr_expect(begins(advice.text[0], "l7[1].tls[0].certificate: expired.pem: certificate 1 has "
	                                 "expired, on 20"),
	          "%s", advice.text[0]);
	cr_expect(begins(advice.text[1], "l7[1].tls[1].certificate: early.pem: certificate 1 is "
	                                 "not valid before 20"),
	          "%s", advice.text[1]);
}

// All of a file of the folder; free() it.
static char *text_of(const char *name)
{
	char path[512], *text = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", tlsbuild_folder(), name);
	f = fopen(path, "re");
	cr_assert(f && getdelim(&text, &size, '\0', f) > 0, "%s", path);
	fclose(f);
	return text;
}

// The files of an authority of which nobody knows any more but by name.
Test(tls_check, a_chain_that_is_none_is_advised_against)
{
	static const struct files files[] = {{"two.pem", "two.key"}, {"namesake.pem", "two.key"}};
	char *good, *key, *ca, *other, both[8192];

	good = text_of("good.pem");
	other = text_of("other.pem");
	key = text_of("good.key");
	snprintf(both, sizeof(both), "%s%s", good, other);
	tlsbuild_end();
	begin();
	ca = text_of("ca.pem");
	tlsbuild_file("two.pem", both);
	tlsbuild_file("two.key", key);
	strstr(good, "-----END CERTIFICATE-----\n")[26] = '\0';
	snprintf(both, sizeof(both), "%s%s", good, ca);
	tlsbuild_file("namesake.pem", both);
	check_files(files, ARRAY_LEN(files));
	cr_expect_eq(mistakes.n, 0, "%s", mistakes.text[0]);
	cr_assert_eq(advice.n, 2);
	cr_expect_str_eq(advice.text[0],
	                 "l7[1].tls[0].certificate: two.pem: certificate 2 is not signed by "
	                 "certificate 3, which follows it");
	cr_expect_str_eq(advice.text[1],
	                 "l7[1].tls[1].certificate: namesake.pem: certificate 1 is not signed by "
	                 "certificate 2, which follows it");
	free(good);
	free(other);
	free(key);
	free(ca);
}
