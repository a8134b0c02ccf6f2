// SPDX-License-Identifier: BSD-3-Clause
// A head in one piece, of no protocol version: kept while it may have to be sent again, by HTTP/1 or HTTP/2, or sent later
// (trailers). Fields that are dropped are left out, and so is `target`: path and query say it, with the '?' between them. Order and
// spelling stay. Any thread.
#pragma once

#include "l7/message.h"
#include "l7/text.h"

// Appends to t; is_cut if it does not fit.
void head_pack(struct text *t, const struct request *r);
void head_pack_fields(struct text *t, const struct fields *f);

// The same again; slices are borrowed from `packed`. What was packed is trusted.
void head_unpack(struct request *out, struct slice packed);
void head_unpack_fields(struct fields *out, struct slice packed);
