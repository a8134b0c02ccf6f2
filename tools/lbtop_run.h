// SPDX-License-Identifier: BSD-3-Clause
// lbtop at work: samples from the store or a record, to a terminal, a page of text, or lines of JSON.
#pragma once

#include "tools/lbtop_record.h"
#include "tools/lbtop_source.h"
#include "tools/lbtop_view.h"

struct lbtop_run {
	struct lbtop_model model;
	struct lbtop_view view;
	bool is_replay; // which of the two is open
	struct lbtop_source source;
	struct lbtop_replay replay;
	bool has_ended;             // the record
	struct lbtop_record record; // fd -1: none
	uint32_t interval_ms;       // at the start; view.interval holds the nearest step
	uint32_t count;             // samples, then it ends; 0 = no end
	bool is_colored, is_utf8;
};

// Each returns the exit status, and says on standard error why it is not 0.
int lbtop_run_screen(struct lbtop_run *r);
int lbtop_run_once(struct lbtop_run *r, int width);
int lbtop_run_json(struct lbtop_run *r);
