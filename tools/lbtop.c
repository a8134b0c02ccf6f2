// SPDX-License-Identifier: BSD-3-Clause
// lbtop: live figures of a node, read from the shared counters alone. No daemon is asked, so it works while they are
// down. This file reads the command line; lbtop_run.c does the work.
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "l4/base/args.h"
#include "l4/base/nearest.h"
#include "tools/lbtop_run.h"

enum { WRONG_USAGE = 2, MAX_WIDTH = 400 };

struct options {
	const char *stats, *page, *interval, *filter, *sort, *record, *replay;
	uint32_t record_limit_mb, count;
	bool once, json, all, no_color;
};

static const struct args_option options[] = {
	{.letter = 'd',
         .name = "stats",
         .value = "DIR",
         .help = "the counters' folder, as \"stats\" in the configuration",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, stats)},
	{.letter = 'p',
         .name = "page",
         .value = "NAME",
         .help = "overview, services, backends, streams, lanes, workers, drops or tcp",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, page)},
	{.letter = 'i',
         .name = "interval",
         .value = "SECONDS",
         .help = "between samples, 0.1 to 60 (1)",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, interval)},
	{.letter = '1',
         .name = "once",
         .help = "print the page as text",
         .offset = offsetof(struct options, once)},
	{.letter = 'j',
         .name = "json",
         .help = "print an object a sample, for programs",
         .offset = offsetof(struct options, json)},
	{.letter = 'n',
         .name = "count",
         .value = "N",
         .help = "end after N samples (with --once or --json)",
         .kind = ARGS_U32,
         .min = 1,
         .offset = offsetof(struct options, count)},
	{.letter = 'f',
         .name = "filter",
         .value = "TEXT",
         .help = "only lines with this text",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, filter)},
	{.letter = 's',
         .name = "sort",
         .value = "COLUMN",
         .help = "by this heading; -COLUMN: the other way round",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, sort)},
	{.letter = 'a',
         .name = "all",
         .help = "also what is zero or retired",
         .offset = offsetof(struct options, all)},
	{.letter = 'w',
         .name = "record",
         .value = "FILE",
         .help = "write all samples to FILE",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, record)},
	{.name = "record-limit",
         .value = "MB",
         .help = "until FILE has this size (1024)",
         .kind = ARGS_U32,
         .min = 1,
         .max = 1 << 20,
         .offset = offsetof(struct options, record_limit_mb)},
	{.letter = 'r',
         .name = "replay",
         .value = "FILE",
         .help = "show a record",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, replay)},
	{.name = "no-color",
         .help = "as with NO_COLOR in the environment",
         .offset = offsetof(struct options, no_color)},
};

static const struct args args = {
	.program = "lbtop",
	.usage = "",
	.summary = "Live figures of an lb47 node, from its counters alone: no daemon is asked.",
	.more = "Keys: ? lists them, q quits. Environment: LB47_STATS, the counters' folder; NO_COLOR.",
	.options = options,
	.n_options = ARRAY_LEN(options),
};

static const char *default_dir(void)
{
	const char *dir = getenv("LB47_STATS");

	return dir && *dir ? dir : "/sys/fs/bpf/lb47";
}

// The heading of a column, whatever its case, with or without the sign at its end.
static bool is_heading(const char *head, const char *text)
{
	size_t len = strlen(text);

	return strncasecmp(head, text, len) == 0 &&
	       (head[len] == '\0' || head[len] == '%' || head[len] == '/');
}

// "--page: 'servces' is not one of overview, services, ... (did you mean services?)"
static int wrong_word(const char *option, const char *typed, const char *const *words, size_t n)
{
	const char *best = NULL;
	char list[256];
	int len = 0;

	*list = '\0';
	for (size_t i = 0; i < n && len < (int)sizeof(list); i++) {
		len += snprintf(list + len, sizeof(list) - (size_t)len, "%s%s", i ? ", " : "",
		                words[i]);
		nearest_offer(&best, typed, words[i]);
	}
	return args_wrong(&args, "%s: '%s' is not one of %s%s%s%s", option, typed, list,
	                  best ? " (did you mean " : "", best ? best : "", best ? "?)" : "");
}

static const char *const *page_names(void)
{
	static const char *names[LBTOP_TABS];

	for (size_t i = 0; i < LBTOP_TABS; i++)
		names[i] = lbtop_pages[i].name;
	return names;
}

static const char *const *column_heads(const struct lbtop_table *t)
{
	static const char *heads[LBTOP_MAX_COLUMNS];

	for (size_t i = 0; i < t->n_columns; i++)
		heads[i] = t->column[i].head;
	return heads;
}

static int set_sort(struct lbtop_run *r, const char *text)
{
	struct lbtop_frame *f = &r->view.base[r->view.tab];
	const struct lbtop_table *t = &lbtop_pages[r->view.tab].table;

	f->is_reversed = *text == '-';
	text += f->is_reversed;
	for (size_t i = 0; i < t->n_columns; i++) {
		if (!is_heading(t->column[i].head, text))
			continue;
		f->sort = (uint8_t)i;
		return 0;
	}
	return wrong_word("--sort", text, column_heads(t), t->n_columns);
}

static int set_interval(struct lbtop_run *r, const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0.1 && s <= 60))
		return args_wrong(&args, "--interval: '%s' is not a number in 0.1..60", text);
	r->interval_ms = (uint32_t)(s * 1000 + 0.5);
	r->view.interval = 0; // on the screen: the longest of the steps that is not above
	while (r->view.interval + 1 < LBTOP_INTERVALS &&
	       lbtop_view_intervals[r->view.interval + 1] <= r->interval_ms)
		r->view.interval++;
	return 0;
}

static int set_view(struct lbtop_run *r, const struct options *o)
{
	int page = o->page ? lbtop_page_find(o->page) : LBTOP_PAGE_OVERVIEW;
	int rc = 0;

	if (page < 0)
		return wrong_word("--page", o->page, page_names(), LBTOP_TABS);
	lbtop_view_init(&r->view, page);
	r->interval_ms = lbtop_view_intervals[r->view.interval];
	r->view.shows_all = o->all;
	r->view.is_replay = o->replay;
	if (o->filter)
		snprintf(r->view.base[page].filter, LBTOP_FILTER_SIZE, "%s", o->filter);
	if (o->sort)
		rc = set_sort(r, o->sort);
	if (!rc && o->interval)
		rc = set_interval(r, o->interval);
	return rc;
}

static int check(const struct options *o, int n_operands)
{
	if (n_operands)
		return args_wrong(&args, "there are no operands");
	if (!*o->stats)
		return args_wrong(&args, "--stats: '' is no folder");
	if (o->once && o->json)
		return args_wrong(&args, "--once or --json, not both");
	if (o->replay && o->record)
		return args_wrong(&args, "--record or --replay, not both");
	if (o->count && !o->once && !o->json)
		return args_wrong(&args, "--count goes with --once or --json");
	return 0;
}

static int open_files(struct lbtop_run *r, const struct options *o, struct err *err)
{
	int rc;

	r->is_replay = o->replay;
	if (o->replay)
		return lbtop_record_replay(&r->replay, o->replay, err);
	rc = lbtop_source_init(&r->source, o->stats, err);
	if (!rc && o->record)
		rc = lbtop_record_open(&r->record, o->record, (uint64_t)o->record_limit_mb << 20,
		                       err);
	return rc;
}

static int page_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = {0};
	int width = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width == 0 && columns)
		width = (int)strtol(columns, NULL, 10);
	if (width == 0)
		width = 80;
	return width < LBTOP_MIN_WIDTH ? LBTOP_MIN_WIDTH : width > MAX_WIDTH ? MAX_WIDTH : width;
}

static int run(struct lbtop_run *r, const struct options *o)
{
	const char *no_color = getenv("NO_COLOR"); // https://no-color.org: any value but none
	struct err err;
	int rc;

	r->count = o->count;
	r->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	r->is_colored = !o->no_color && !(no_color && *no_color);
	if (open_files(r, o, &err)) {
		fprintf(stderr, "lbtop: %s\n", err.msg);
		return 1;
	}
	if (o->json)
		rc = lbtop_run_json(r);
	else if (o->once)
		rc = lbtop_run_once(r, page_width());
	else
		rc = lbtop_run_screen(r);
	lbtop_record_close(&r->record);
	lbtop_record_end(&r->replay);
	lbtop_source_fini(&r->source);
	lbtop_model_fini(&r->model);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {.stats = default_dir(), .record_limit_mb = 1024};
	static struct lbtop_run r = {.record.fd = -1};
	int rc;

	setlocale(LC_CTYPE, "");
	switch (args_read(&args, &o, &argc, argv)) {
	case ARGS_SAID:
		return 0;
	case ARGS_WRONG:
		return WRONG_USAGE;
	case ARGS_OK:
		break;
	}
	rc = check(&o, argc - 1);
	if (!rc)
		rc = set_view(&r, &o);
	return rc ? rc : run(&r, &o);
}
