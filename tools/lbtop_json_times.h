// SPDX-License-Identifier: BSD-3-Clause
// The histograms of a row in the JSON of a sample (lbtop_json.h has the form). One thread.
#pragma once

#include <jansson.h>

#include "tools/lbtop_model.h"

// Sets "times" and "histograms" of the row's object, as far as rows of the kind have any; with percentiles of the last
// minute if there is a model.
void lbtop_json_times_encode(json_t *object, const struct lbtop_model *m, enum lbtop_kind kind,
                             const struct lbtop_row *row);

// Reads them from the row's object. What is no histogram is left out. 0 or -ENOMEM.
NODISCARD int lbtop_json_times_decode(struct lbtop_sample *s, struct lbtop_row *row,
                                      const json_t *object, enum lbtop_kind kind);
