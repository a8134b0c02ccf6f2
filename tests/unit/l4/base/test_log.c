// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/log.h"

enum { LINE_SIZE = 1024 }; // as in log.c, with the newline

// stderr goes into a pipe between these two; the text ends with a 0.
static int saved_stderr, pipe_end;

static void capture(void)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	pipe_end = ends[0];
}

static const char *captured(void)
{
	static char text[8192];
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = read(pipe_end, text, sizeof(text) - 1);
	close(pipe_end);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool matches(const char *text, const char *pattern)
{
	regex_t re;
	bool is_match;

	cr_assert_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	is_match = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return is_match;
}

#define DATE "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "

Test(log, a_line_has_time_level_program_and_event)
{
	const char *text;

	log_init("lb4d", LOG_LEVEL_INFO);
	capture();
	LOG_INFO("reloaded file=%s generation=%d", "edge.json", 7);
	text = captured();
	cr_expect(matches(text, DATE "INFO lb4d reloaded file=edge\\.json generation=7\n$"), "%s",
	          text);
}

Test(log, every_level_has_its_name)
{
	const char *text;

	log_init("x", LOG_LEVEL_DEBUG);
	capture();
	LOG_DEBUG("a");
	LOG_INFO("b");
	LOG_WARN("c");
	LOG_ERROR("d");
	text = captured();
	cr_expect(matches(text, DATE "DEBUG x a\n.* INFO x b\n.* WARN x c\n.* ERROR x d\n$"), "%s",
	          text);
}

Test(log, lines_below_the_least_level_are_not_written)
{
	const char *text;

	log_init("x", LOG_LEVEL_WARN);
	capture();
	LOG_DEBUG("a");
	LOG_INFO("b");
	LOG_WARN("c");
	text = captured();
	cr_expect(matches(text, DATE "WARN x c\n$"), "%s", text);
}

Test(log, without_init_info_is_written_and_debug_not)
{
	const char *text;

	capture();
	LOG_DEBUG("a");
	LOG_INFO("b");
	text = captured();
	cr_expect(matches(text, DATE "INFO lb47 b\n$"), "%s", text);
}

static size_t step_at(size_t len)
{
	return len > LINE_SIZE - 64 ? 1 : 37;
}

// One write(2) each, however long: lines of several threads must not mix.
Test(log, a_line_of_any_length_ends_once_and_stays_below_the_limit)
{
	char event[1500];

	for (size_t len = 1; len < sizeof(event) - 1; len += step_at(len)) {
		const char *text;
		size_t size;

		memset(event, 'e', len);
		event[len] = '\0';
		capture();
		LOG_INFO("%s", event);
		text = captured();
		size = strlen(text);
		cr_assert_leq(size, LINE_SIZE, "%zu: %zu", len, size);
		cr_assert_eq(text[size - 1], '\n', "%zu", len);
		cr_assert_eq(strchr(text, '\n'), text + size - 1, "%zu", len);
		cr_assert(size == LINE_SIZE || strspn(strchr(text, 'e'), "e") == len, "%zu", len);
	}
}

Test(log, an_event_keeps_its_length_up_to_the_limit)
{
	char event[LINE_SIZE];
	size_t head, fits;
	const char *text;

	capture();
	LOG_INFO("%s", "");
	head = strlen(captured()) - 1;
	fits = LINE_SIZE - head - 1;
	memset(event, 'e', fits);
	event[fits] = '\0';
	capture();
	LOG_INFO("%s", event);
	text = captured();
	cr_expect_eq(strspn(text + head, "e"), fits, "%zu of %zu", strspn(text + head, "e"), fits);
}

Test(log, what_an_operator_typed_cannot_begin_a_line)
{
	const char *text;

	capture();
	LOG_WARN("change refused reason=\"%s\"", "no pool \"a\nERROR lb4d b\r\t\x1b[2J\x7f\"");
	text = captured();
	cr_expect(
		strstr(text, "reason=\"no pool \\\"a\\nERROR lb4d b\\x0d\\t\\x1b[2J\\x7f\\\"\"\n"),
		"%s", text);
	cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

Test(log, other_alphabets_are_left_alone)
{
	const char *text;

	capture();
	LOG_INFO("node=%s", "b\xc3\xbchne\\1");
	text = captured();
	cr_expect(strstr(text, "node=b\xc3\xbchne\\1\n"), "%s", text);
}

Test(log, an_escape_is_not_cut_in_two)
{
	char event[1500];

	for (size_t len = LINE_SIZE - 80; len < LINE_SIZE; len++) {
		const char *text;
		size_t size;

		memset(event, 'e', len);
		strcpy(event + len, "\x1b\x1b\x1b");
		capture();
		LOG_INFO("%s", event);
		text = captured();
		size = strlen(text);
		cr_assert_leq(size, LINE_SIZE, "%zu: %zu", len, size);
		cr_assert(text[size - 2] == 'e' || strcmp(text + size - 5, "\\x1b\n") == 0,
		          "%zu: %s", len, text + size - 8);
	}
}

Test(log, a_closed_stderr_does_no_harm)
{
	capture();
	close(STDERR_FILENO);
	LOG_ERROR("lost");
	captured();
}

Test(log, quotes_in_a_quoted_value_do_not_end_it)
{
	const char *text;

	log_init("x", LOG_LEVEL_INFO);
	capture();
	LOG_INFO("refused file=%s reason=\"%s\" n=%d", "a\"b", "no service \"a\\b\"", 7);
	// A mark of its own: nobody can say any more which quotes are the format's, and none may look like the end of a value.
	LOG_INFO("refused reason=\"%s\" n=%d", "a mark \x01 and a \" level=\"", 8);
	text = captured();
	cr_expect(strstr(text, " refused file=a\"b reason=\"no service \\\"a\\\\b\\\"\" n=7\n"),
	          "%s", text);
	cr_expect(strstr(text, " refused reason=\\\"a mark \\x01 and a \\\" level=\\\"\\\" n=8\n"),
	          "%s", text);
}
