// SPDX-License-Identifier: BSD-3-Clause
// A page on its way to one reader, and the turns of the loop, which all readers' pages share: others' work has its turns between
// theirs, however many read.
//
//   1. admin_page_open(); 2. admin_page_go_on() whenever all that was sent is with the kernel; 3. `sent` is called after each
//   piece, in this turn of the loop or a later one, until `page` is NULL; 4. admin_page_close(), also before the end.
//
// In a turn there are ADMIN_PAGE_PIECES pieces at most, and none once they have taken a millisecond; whoever had one goes to the end of
// the queue. Thread: the loop's.
#pragma once

#include "l7/admin.h"
#include "l7/conn.h"

enum { ADMIN_PAGE_PIECES = 16 }; // in a turn; one takes about 60 us

struct admin_page;

struct admin_page_turns {
	struct loop *loop;
	struct admin_page *first, **end; // whose piece is due, in order
	struct timer next;               // if there is no other reason for a turn
	uint64_t turn_ns;                // loop->now_ns of the last turn that had pieces
	uint64_t began_ns;               // with the first of them
	unsigned n_pieces;               // in it
	unsigned n_readers; // to whose kernel a page is not all given yet; admin_client counts
	bool is_full;       // a reader was refused, and since then half of them were never done
};

struct admin_page {
	struct admin_page_turns *turns; // these four are the owner's to set
	const struct admin_source *source;
	struct conn *conn;
	void (*sent)(struct admin_page *p); // may close the page, and conn
	void *page;                         // the source's; NULL = nothing more to make
	bool is_chunked;
	bool is_due; // in the queue
	struct admin_page *next;
};

// All pages must be closed before fini.
void admin_page_turns_init(struct admin_page_turns *t, struct loop *loop);
void admin_page_turns_fini(struct admin_page_turns *t);

// Its first piece comes with a later turn. In chunks, or bare for who knows the end by that of the connection. 0 or -ENOMEM.
NODISCARD int admin_page_open(struct admin_page *p, bool is_chunked);

// The next piece, at once or when the others had their turn. Nothing if there is none.
void admin_page_go_on(struct admin_page *p);

void admin_page_close(struct admin_page *p); // twice is fine
