// SPDX-License-Identifier: BSD-3-Clause
// What a valid configuration had better not say. conf_check() refuses what cannot work; this is for what
// works, may be needed for a while, and should not stay.
#pragma once

#include "l4/model/conf.h"

typedef void (*conf_advice_say)(const char *sentence, void *data);

// Calls say() with each piece of advice, a sentence that begins with the place; it is borrowed for the call.
void conf_advice(const struct conf *conf, conf_advice_say say, void *data);
