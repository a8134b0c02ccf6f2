// SPDX-License-Identifier: BSD-3-Clause
// One value of the file, by its key: is it in range, is it an address, a name, a host; and into its
// field. Knows no JSON. Inside l4/model/conf*.c only.
#pragma once

#include "l4/model/conf_key.h"
#include "l4/model/conf_place.h"

struct conf_value_sink {
	struct arena *arena; // owns the texts
	struct err *err;
};

// Both return 0, -EINVAL or -ENOMEM with the place in *err. `text` is UTF-8.
NODISCARD int conf_value_integer(const struct conf_value_sink *sink, const struct conf_place *place,
                                 const struct conf_key *key, long long value, void *base);
// For every type that is a string in the file.
NODISCARD int conf_value_text(const struct conf_value_sink *sink, const struct conf_place *place,
                              const struct conf_key *key, const char *text, void *base);
