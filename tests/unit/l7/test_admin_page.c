// SPDX-License-Identifier: BSD-3-Clause
// Pages that leave through socket pairs, whose other ends this test reads or does not, by a clock that it moves.
#include "l7/admin_page.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READERS = 64, LONG = 1 << 20 };

static uint64_t now_ns = CLOCK_NS_PER_S;

// In place of libbase's.
uint64_t clock_now_ns(void)
{
	return now_ns;
}

struct reader {
	struct conn conn;
	struct admin_page page;
	int peer;
	unsigned n_pieces; // made for it
	unsigned n_left;   // of its page
	unsigned n_sent;   // calls
	bool is_silent;    // its peer reads nothing
	bool hangs_up;     // its owner closes its page when the next piece was sent
};

static struct loop loop;
static struct admin_page_turns turns;
static struct reader readers[READERS];
static unsigned n_readers, n_pieces, n_open;
static uint64_t cost_ns; // of a piece

static void *open_page(void *data)
{
	n_open++;
	return data;
}

// In the order of readers[], as they open their pages.
static bool next_of_page(void *page, struct text *out)
{
	struct reader *r = *(struct reader **)page;

	now_ns += cost_ns;
	n_pieces++;
	r->n_pieces++;
	memset(out->ptr, 'm', ADMIN_PIECE);
	out->len = ADMIN_PIECE;
	return --r->n_left > 0;
}

static void close_page(void *page)
{
	n_open--;
}

static void on_sent(struct admin_page *page)
{
	struct reader *r = CONTAINER_OF(page, struct reader, page);

	r->n_sent++;
	if (r->hangs_up) {
		admin_page_close(page);
		conn_close(&r->conn);
	}
}

static size_t on_received(struct conn *c, struct slice bytes)
{
	return bytes.len;
}

static void on_nothing(struct conn *c)
{
}

static void on_drained(struct conn *c)
{
	admin_page_go_on(&CONTAINER_OF(c, struct reader, conn)->page);
}

static void on_failed(struct conn *c, int error)
{
	cr_assert_fail("a connection broke");
}

static const struct conn_ops ops = {.received = on_received,
                                    .opened = on_nothing,
                                    .ended = on_nothing,
                                    .drained = on_drained,
                                    .failed = on_failed};

static void begin(void)
{
	cr_assert_eq(loop_init(&loop, 64 << 20), 0);
	cr_assert_eq(conn_loop_init(&loop), 0);
	admin_page_turns_init(&turns, &loop);
}

static void end(void)
{
	for (unsigned i = 0; i < n_readers; i++) {
		admin_page_close(&readers[i].page);
		conn_close(&readers[i].conn);
		close(readers[i].peer);
	}
	cr_expect_eq(n_open, 0);
	admin_page_turns_fini(&turns);
	loop_fini(&loop);
	conn_loop_fini(&loop);
}

TestSuite(admin_page, .init = begin, .fini = end);

static struct reader *add_reader(unsigned pieces)
{
	static struct reader *self[READERS];
	static struct admin_source sources[READERS];
	struct reader *r = &readers[n_readers];
	int fds[2];

	self[n_readers] = r;
	sources[n_readers] = (struct admin_source){.open = open_page,
	                                           .next = next_of_page,
	                                           .close = close_page,
	                                           .data = &self[n_readers]};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	r->peer = fds[1];
	r->n_left = pieces;
	r->page = (struct admin_page){
		.turns = &turns, .source = &sources[n_readers], .conn = &r->conn, .sent = on_sent};
	cr_assert_eq(conn_accept(&r->conn, &loop, fds[0], &ops), 0);
	cr_assert_eq(admin_page_open(&r->page, false), 0);
	n_readers++;
	return r;
}

static void read_all(struct reader *r)
{
	static char bytes[1 << 20];

	while (!r->is_silent && read(r->peer, bytes, sizeof(bytes)) > 0)
		;
}

// A turn of the loop, a millisecond after the last one; returns the pieces that it had. Then the peers read.
static unsigned turn(void)
{
	unsigned before = n_pieces, made;

	now_ns += CLOCK_NS_PER_MS;
	loop_turn(&loop, 0);
	made = n_pieces - before;
	for (unsigned i = 0; i < n_readers; i++)
		read_all(&readers[i]);
	return made;
}

Test(admin_page, a_turn_has_so_many_pieces_however_many_read)
{
	while (n_readers < READERS)
		add_reader(LONG);
	for (int i = 0; i < 200; i++)
		cr_expect_leq(turn(), ADMIN_PAGE_PIECES);
	cr_expect_gt(n_pieces, 150 * ADMIN_PAGE_PIECES, "and as many as that");
}

Test(admin_page, readers_come_by_turns)
{
	while (n_readers < READERS)
		add_reader(LONG);
	for (int i = 0; i < 200; i++) {
		unsigned least = UINT32_MAX, most = 0;

		turn();
		for (unsigned k = 0; k < n_readers; k++) {
			least = readers[k].n_pieces < least ? readers[k].n_pieces : least;
			most = readers[k].n_pieces > most ? readers[k].n_pieces : most;
		}
		cr_assert_leq(most - least, 1, "%u to %u pieces after %d turns", least, most, i);
	}
}

Test(admin_page, a_piece_of_a_millisecond_is_the_only_one_of_its_turn)
{
	while (n_readers < 3)
		add_reader(LONG);
	cost_ns = CLOCK_NS_PER_MS;
	turn();
	for (int i = 0; i < 30; i++)
		cr_expect_eq(turn(), 1);
	cost_ns = CLOCK_NS_PER_MS / 4;
	turn();
	for (int i = 0; i < 30; i++)
		cr_expect_eq(turn(), 4);
}

Test(admin_page, whoever_does_not_read_holds_nobody_up)
{
	struct reader *silent = add_reader(LONG), *other = add_reader(LONG);
	unsigned before;

	silent->is_silent = true;
	for (int i = 0; i < 50; i++)
		turn();
	before = silent->n_pieces;
	other->n_pieces = 0;
	for (int i = 0; i < 50; i++)
		turn();
	cr_expect_eq(silent->n_pieces, before);
	cr_expect_gt(other->n_pieces, 50);
	cr_expect_leq(conn_pending(&silent->conn), (size_t)ADMIN_PIECE);
}

Test(admin_page, the_owner_hears_of_each_piece_and_of_the_end)
{
	struct reader *r = add_reader(5);

	for (int i = 0; i < 20; i++)
		turn();
	cr_expect_eq(r->n_pieces, 5);
	cr_expect_eq(r->n_sent, 5);
	cr_expect_null(r->page.page);
	cr_expect_eq(n_open, 0);
	admin_page_go_on(&r->page);
	cr_expect_eq(turn(), 0);
}

// First, last and in the middle of the queue; those behind them must not get lost.
Test(admin_page, pages_that_are_closed_leave_the_queue)
{
	while (n_readers < 6)
		add_reader(LONG);
	admin_page_close(&readers[0].page);
	admin_page_close(&readers[3].page);
	admin_page_close(&readers[5].page);
	readers[2].hangs_up = true;
	for (int i = 0; i < 20; i++)
		turn();
	cr_expect_eq(readers[0].n_pieces + readers[3].n_pieces + readers[5].n_pieces, 0);
	cr_expect_eq(readers[2].n_pieces, 1);
	cr_expect_gt(readers[1].n_pieces, 20);
	cr_expect_gt(readers[4].n_pieces, 20);
	cr_expect_gt(add_reader(LONG)->n_left, 0);
	turn();
	turn();
	cr_expect_gt(readers[6].n_pieces, 0);
}
