// SPDX-License-Identifier: BSD-3-Clause
// Which QUIC-LB configurations `lbctl quic-lb` works with: one made of options, or those of a service in a
// configuration file.
#pragma once

#include "l4/model/conf.h"
#include "tools/lbctl_command.h"

struct lbctl_quic_params {
	const struct conf_quic_lb *configs; // [n_configs]
	size_t n_configs;
	const struct conf_service *service; // NULL: made of options
	const struct conf_pool *pool;       // of the service
	struct conf_quic_lb own;
	struct conf *conf;
};

// Returns an enum lbctl_exit. LBCTL_DONE: release with lbctl_quic_params_close(), which wipes the keys.
// Otherwise *err says which option is wrong or what the file lacks; keys are never repeated.
NODISCARD int lbctl_quic_params_open(struct lbctl_quic_params *out,
                                     const struct lbctl_quic_options *opts, struct err *err);
void lbctl_quic_params_close(struct lbctl_quic_params *p);

// NULL if there is none.
const struct conf_quic_lb *lbctl_quic_params_find(const struct lbctl_quic_params *p,
                                                  uint8_t config_id);

// Reads the decimal number of an option. -EINVAL and a sentence with the option's name; `text` NULL: it is
// missing.
NODISCARD int lbctl_quic_params_number(uint8_t *out, const char *option, const char *text,
                                       unsigned least, unsigned most, struct err *err);
