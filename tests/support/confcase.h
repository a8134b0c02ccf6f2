// SPDX-License-Identifier: BSD-3-Clause
// One valid configuration that uses everything, and small changes to it: most tests of l4/model/conf
// are "replace this by that and see what the parser says".
#pragma once

#include "l4/model/conf.h"

// JSON, but with ' for ", so that tests stay readable.
extern const char confcase_base[];

// A copy of `text` with ' turned into "; free() it.
char *confcase_json(const char *text);

// The base with the only occurrence of `from` replaced by `to`, parsed: "" if it is valid, else the
// error's sentence; in a static buffer. `from` must occur exactly once.
const char *confcase_error(const char *from, const char *to);

// The same, valid or the test dies. conf_free() it. NULL, NULL: the base itself.
struct conf *confcase_parse(const char *from, const char *to);

// Any whole text, parsed: "" or the sentence.
const char *confcase_text_error(const char *text);

// The whole file as text, or the test dies; free() it.
char *confcase_file(const char *path);
