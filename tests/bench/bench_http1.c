// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds to parse one HTTP/1 head, and to decode one chunk, beside http_parser, on which Node.js ran until version
// 12; it calls back for every piece, and the callbacks here keep the pieces, as ours does. Both run in turns over
// the same octets; the medians of the turns are printed. "mixed": 64 browsers that differ in the fields they send and
// their lengths, in random order, so that no branch predictor knows what comes next.
//
//	bench_http1 [TURNS]
#include "l4/base/clock.h"
#include "l4/base/hash.h"
#include "l7/http1.h"

#include <http_parser.h>

#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 31, MESSAGES_PER_TURN = 1 << 15, MESSAGES = 64, ROOM = 1 << 21 };

static char room[ROOM];
static struct slice messages[MESSAGES];
static struct text texts;
static uint64_t rng = 1;

static uint64_t draw(void)
{
	rng += HASH_K1;
	return hash_mix(rng, 0, HASH_K2);
}

// --- what is parsed ---

static const char minimal[] = "GET / HTTP/1.1\r\n"
			      "Host: www.example.org\r\n"
			      "User-Agent: curl/7.88.1\r\n"
			      "Accept: */*\r\n"
			      "\r\n";

static const char browser[] =
	"GET /wiki/Load_balancing?action=edit&section=2 HTTP/1.1\r\n"
	"Host: en.example.org\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
	"Accept-Language: en-US,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate, br\r\n"
	"Referer: https://en.example.org/wiki/Proxy_server\r\n"
	"Connection: keep-alive\r\n"
	"Cookie: session=4f9c2e1ab0d84c35; theme=dark; consent=1; _ga=GA1.2.1103985.1700000000\r\n"
	"Upgrade-Insecure-Requests: 1\r\n"
	"Sec-Fetch-Dest: document\r\n"
	"\r\n";

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Server: nginx/1.22.1\r\n"
			     "Date: Tue, 15 Nov 2022 08:12:31 GMT\r\n"
			     "Content-Type: application/json; charset=utf-8\r\n"
			     "Content-Length: 1256\r\n"
			     "Connection: keep-alive\r\n"
			     "Cache-Control: no-cache, private\r\n"
			     "ETag: W/\"4e8-xO2x5K0l1r0f9mWq7yQ0rTj3f9k\"\r\n"
			     "\r\n";

static const char *const optional[] = {
	"Accept: */*",
	"Accept: application/json, text/plain, */*",
	"DNT: 1",
	"Cache-Control: no-cache",
	"Pragma: no-cache",
	"Sec-Fetch-Mode: cors",
	"Sec-Fetch-Site: same-origin",
	"Sec-Fetch-Dest: empty",
	"Origin: https://app.example.org",
	"X-Requested-With: XMLHttpRequest",
	"If-None-Match: \"5f3e-1\"",
	"Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
	"Accept-Language: de-DE,de;q=0.9",
	"Accept-Encoding: gzip, deflate, br, zstd",
	"X-Trace-Id: 7f0c1a2b",
	"Range: bytes=0-1023",
	"TE: trailers",
	"Priority: u=1, i",
	"Connection: keep-alive",
	"Sec-CH-UA-Platform: \"Linux\"",
	"Upgrade-Insecure-Requests: 1",
};

static void add_filler(size_t max)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_/";

	for (uint64_t n = draw() % max; n; n--)
		text_add(&texts, &letters[draw() % (sizeof(letters) - 1)], 1);
}

static void add_mixed_request(void)
{
	TEXT_ADD_LITERAL(&texts, "GET /");
	add_filler(60);
	TEXT_ADD_LITERAL(&texts, " HTTP/1.1\r\nHost: a");
	add_filler(1);
	TEXT_ADD_LITERAL(&texts, ".example.org\r\nUser-Agent: Mozilla/5.0 (");
	add_filler(90);
	TEXT_ADD_LITERAL(&texts, ")\r\n");
	for (size_t i = 0; i < ARRAY_LEN(optional); i++) {
		if (draw() % 3)
			continue;
		text_add_z(&texts, optional[i]);
		TEXT_ADD_LITERAL(&texts, "\r\n");
	}
	TEXT_ADD_LITERAL(&texts, "Cookie: session=");
	add_filler(200);
	TEXT_ADD_LITERAL(&texts, "\r\n\r\n");
}

// 100 events of 20 to 400 octets, as a language model writes them.
static void add_chunks(void)
{
	static const char data[400];

	for (int i = 0; i < 100; i++) {
		size_t len = 20 + draw() % 380;

		http1_write_chunk_size(&texts, len);
		text_add(&texts, data, len);
		TEXT_ADD_LITERAL(&texts, "\r\n");
	}
	http1_write_last_chunk(&texts, NULL);
}

static void fill(const char *message, void (*add)(void))
{
	texts = text_of(room, sizeof(room));
	for (size_t i = 0; i < MESSAGES; i++) {
		size_t begin = texts.len;

		if (message)
			text_add_z(&texts, message);
		else
			add();
		messages[i] = slice_of(texts.ptr + begin, texts.len - begin);
	}
}

// --- ours ---

typedef uint64_t parse_fn(struct slice in);

static uint64_t summary(const struct fields *f)
{
	const struct field *last = &f->at[f->n - 1];

	return f->n * 1000000ULL + last->name.len * 1000 + last->value.len;
}

static const struct http1_limits limits = {.line = 8192, .head = 65536, .fields = 100};

static uint64_t our_request(struct slice in)
{
	static struct request r;

	if (http1_parse_request(&r, in, 0, &limits) != (ssize_t)in.len)
		return 0;
	return summary(&r.fields) + r.target.len * 1000000000ULL;
}

static uint64_t our_response(struct slice in)
{
	static struct response r;

	if (http1_parse_response(&r, in, 0, METHOD_GET, &limits) != (ssize_t)in.len)
		return 0;
	return summary(&r.fields);
}

static uint64_t our_chunks(struct slice in)
{
	struct http1_chunked c = {0};
	struct slice data;
	uint64_t sum = 0;

	while (!c.is_at_trailers) {
		ssize_t n = http1_decode_chunks(&c, in, &data);

		if (n <= 0)
			return 0;
		sum += data.len;
		in = slice_of(in.ptr + n, in.len - (size_t)n);
	}
	return sum;
}

// --- the yardstick ---

static struct fields kept;
static struct slice kept_url;
static uint64_t kept_data;

static int keep_url(http_parser *p, const char *at, size_t len)
{
	kept_url = slice_of(at, len);
	return 0;
}

static int keep_name(http_parser *p, const char *at, size_t len)
{
	kept.at[kept.n++].name = slice_of(at, len);
	return 0;
}

static int keep_value(http_parser *p, const char *at, size_t len)
{
	kept.at[kept.n - 1].value = slice_of(at, len);
	return 0;
}

static int keep_data(http_parser *p, const char *at, size_t len)
{
	kept_data += len;
	return 0;
}

static const http_parser_settings settings = {
	.on_url = keep_url,
	.on_header_field = keep_name,
	.on_header_value = keep_value,
	.on_body = keep_data,
};

static uint64_t their_head(struct slice in, enum http_parser_type type)
{
	http_parser p;

	kept.n = 0;
	kept_url.len = 0;
	http_parser_init(&p, type);
	if (http_parser_execute(&p, &settings, (const char *)in.ptr, in.len) != in.len)
		return 0;
	return summary(&kept) + kept_url.len * 1000000000ULL;
}

static uint64_t their_request(struct slice in)
{
	return their_head(in, HTTP_REQUEST);
}

static uint64_t their_response(struct slice in)
{
	return their_head(in, HTTP_RESPONSE);
}

static uint64_t their_chunks(struct slice in)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	http_parser p;

	kept_data = kept.n = 0;
	http_parser_init(&p, HTTP_RESPONSE);
	http_parser_execute(&p, &settings, head, sizeof(head) - 1);
	if (http_parser_execute(&p, &settings, (const char *)in.ptr, in.len) != in.len)
		return 0;
	return kept_data;
}

// --- turns ---

static double turn(parse_fn *parse, size_t n, uint64_t *sum)
{
	uint64_t begin = clock_now_ns(), at = 0;

	for (size_t i = 0; i < n; i++) {
		at = at * 5 + 3; // visits all of a power of two
		*sum += parse(messages[at % MESSAGES]);
	}
	return (double)(clock_now_ns() - begin) / (double)n;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), cmp_double);
	return v[n / 2];
}

struct race {
	const char *name;
	const char *message; // NULL: add() writes it
	void (*add)(void);
	parse_fn *ours, *theirs;
	unsigned pieces; // of a message
};

static bool run(const struct race *r, double *ns, size_t n_turns)
{
	size_t n = MESSAGES_PER_TURN / r->pieces;
	uint64_t sum_ours = 0, sum_theirs = 0;
	double a, b;

	fill(r->message, r->add);
	for (size_t i = 0; i < n_turns; i++) {
		ns[i] = turn(r->ours, n, &sum_ours);
		ns[n_turns + i] = turn(r->theirs, n, &sum_theirs);
	}
	a = median(ns, n_turns) / r->pieces;
	b = median(ns + n_turns, n_turns) / r->pieces;
	printf("bench http1_%s ours=%.1f yardstick=%.1f ratio=%.2f\n", r->name, a, b, a / b);
	if (sum_ours != sum_theirs || sum_ours == 0)
		printf("bench http1_%s: the two disagree\n", r->name);
	return sum_ours == sum_theirs && sum_ours;
}

int main(int argc, char **argv)
{
	static const struct race races[] = {
		{"request_minimal", minimal, NULL, our_request, their_request, 1},
		{"request", browser, NULL, our_request, their_request, 1},
		{"request_mixed", NULL, add_mixed_request, our_request, their_request, 1},
		{"response", answer, NULL, our_response, their_response, 1},
		{"chunk", NULL, add_chunks, our_chunks, their_chunks, 100},
	};
	size_t n_turns = argc > 1 ? strtoul(argv[1], NULL, 10) : TURNS;
	double *ns = calloc(2 * n_turns, sizeof(*ns));
	bool good = ns && n_turns;

	for (size_t i = 0; good && i < ARRAY_LEN(races); i++)
		good = run(&races[i], ns, n_turns);
	free(ns);
	return good ? 0 : 1;
}
