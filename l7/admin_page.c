// SPDX-License-Identifier: BSD-3-Clause
#include "l7/admin_page.h"

#include <errno.h>

enum {
	TURN_MS = 1,
	CHUNK_HEAD = 10, // the length in eight digits, CR LF
	CHUNK_END = 7,   // CR LF, and behind the last one "0", CR LF, CR LF
};

// --- pieces ---

// Leading zeros are allowed (RFC 9112 7.1).
static void write_chunk_head(uint8_t out[CHUNK_HEAD], size_t len)
{
	for (size_t i = CHUNK_HEAD - 2; i--; len >>= 4)
		out[i] = (uint8_t) "0123456789abcdef"[len & 15];
	out[CHUNK_HEAD - 2] = '\r';
	out[CHUNK_HEAD - 1] = '\n';
}

// A piece as it goes over the wire, in `room` of CHUNK_HEAD + ADMIN_PIECE + CHUNK_END bytes. True: there is more to come.
static bool make_piece(const struct admin_page *p, uint8_t *room, struct slice *out)
{
	struct text t = text_of(room + CHUNK_HEAD, ADMIN_PIECE);
	bool has_more = p->source->next(p->page, &t);
	bool is_chunk = p->is_chunked && t.len; // one without content would be the last

	t.size += CHUNK_END;
	if (is_chunk) {
		write_chunk_head(room, t.len);
		TEXT_ADD_LITERAL(&t, "\r\n");
	}
	if (p->is_chunked && !has_more)
		TEXT_ADD_LITERAL(&t, "0\r\n\r\n");
	*out = is_chunk ? slice_of(room, CHUNK_HEAD + t.len) : text_slice(&t);
	return has_more;
}

static void send_piece(struct admin_page *p)
{
	struct text scratch = conn_scratch(p->conn, CHUNK_HEAD + ADMIN_PIECE + CHUNK_END);
	struct slice piece;
	bool has_more = make_piece(p, (uint8_t *)scratch.ptr, &piece);

	conn_send(p->conn, piece);
	conn_flush(p->conn); // what waits is known from here on
	if (!has_more)
		admin_page_close(p);
}

// --- turns ---

static void enqueue(struct admin_page *p)
{
	struct admin_page_turns *t = p->turns;

	if (p->is_due)
		return;
	p->is_due = true;
	p->next = NULL;
	*t->end = p;
	t->end = &p->next;
}

static void dequeue(struct admin_page *p)
{
	struct admin_page_turns *t = p->turns;
	struct admin_page **at = &t->first;

	if (!p->is_due)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (!p->next)
		t->end = at;
	p->is_due = false;
}

// Each turn has at least one piece, so that all get on.
static bool is_used_up(struct admin_page_turns *t)
{
	if (t->turn_ns != t->loop->now_ns) {
		t->turn_ns = t->loop->now_ns;
		t->n_pieces = 0;
	}
	if (t->n_pieces == 0) {
		t->began_ns = clock_now_ns();
		return false;
	}
	return t->n_pieces >= ADMIN_PAGE_PIECES ||
	       clock_now_ns() - t->began_ns >= TURN_MS * CLOCK_NS_PER_MS;
}

// What the kernel does not take of a piece waits, and the next one for that.
static void run(struct admin_page_turns *t)
{
	while (t->first && !is_used_up(t)) {
		struct admin_page *p = t->first;

		dequeue(p);
		t->n_pieces++;
		send_piece(p);
		if (p->page && !conn_pending(p->conn))
			enqueue(p);
		p->sent(p);
	}
	if (t->first)
		loop_timer_start(t->loop, &t->next, TURN_MS);
}

static void on_next(struct timer *timer)
{
	run(CONTAINER_OF(timer, struct admin_page_turns, next));
}

void admin_page_turns_init(struct admin_page_turns *t, struct loop *loop)
{
	*t = (struct admin_page_turns){.loop = loop, .next.fire = on_next};
	t->end = &t->first;
}

void admin_page_turns_fini(struct admin_page_turns *t)
{
	loop_timer_stop(t->loop, &t->next);
}

// --- life ---

int admin_page_open(struct admin_page *p, bool is_chunked)
{
	p->page = p->source->open(p->source->data);
	if (!p->page)
		return -ENOMEM;
	p->is_chunked = is_chunked;
	enqueue(p);
	loop_timer_start(p->turns->loop, &p->turns->next, TURN_MS);
	return 0;
}

void admin_page_go_on(struct admin_page *p)
{
	if (!p->page || conn_pending(p->conn))
		return;
	enqueue(p);
	run(p->turns);
}

void admin_page_close(struct admin_page *p)
{
	dequeue(p);
	if (p->page)
		p->source->close(p->page);
	p->page = NULL;
}
