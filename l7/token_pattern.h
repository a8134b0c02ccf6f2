// SPDX-License-Identifier: BSD-3-Clause
// What a language model's next event says, told without reading it: events of one answer are the same but for a word, a number, some
// padding. An event that was read (token.h) is kept with the places of those of its values that may be others without changing what
// it says; one that differs from it in nothing else says the same:
//
//   data: {"id":"x1","created":17,"model":"m","choices":[{"delta":{"content":" Hello"},"finish_reason":null}]}
//               ~~             ~~                                            ~~~~~~
//
// That holds whatever the JSON is: between the values are the same bytes, so that the scanner (json_scan.h) would go the same way,
// and each value is of its old type, has a character where it had one, and holds no line end, so that the event ends where it did.
// What bears no content, ends or fails, or states usage is not kept; each of those is read.
// One thread; memory is what the event has, TOKEN_PATTERN_MOST bytes at most.
#pragma once

#include "l7/token.h"

enum { TOKEN_PATTERN_MOST = 1024 }; // bytes of an event that is kept

struct token_pattern;

// Keeps the event *e, which says *t, instead of `old` (NULL is fine, consumed). Returns what is to be used from now on: `old` if
// the event is none to keep, or others like it were in vain before; NULL if there is none, or no memory.
struct token_pattern *token_pattern_learn(struct token_pattern *old, const struct event *e,
                                          const struct token *t);

// Length of the event at the start of `bytes`, its empty line included, if it says what the one that was kept says; 0: that has to
// be read. Within `bytes`, whatever lies behind them.
size_t token_pattern_match(struct token_pattern *p, struct slice bytes);

// What both say; without the model, which the one that was kept said. Borrowed from p.
const struct token *token_pattern_token(const struct token_pattern *p);

void token_pattern_free(struct token_pattern *p); // NULL is fine
