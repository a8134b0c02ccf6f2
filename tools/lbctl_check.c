// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_check.h"

#include <stdio.h>

#include "l4/base/log.h"
#include "l4/model/conf.h"
#include "l4/model/conf_advice.h"
#include "l7/capabilities.h"
#include "l7/tls_check.h"
#include "tools/lbctl_command.h"

static void print_mistake(const char *sentence, void *file)
{
	fprintf(stderr, "lbctl: %s: %s\n", (const char *)file, sentence);
}

static void print_advice(const char *sentence, void *file)
{
	fprintf(stderr, "lbctl: %s: advice: %s\n", (const char *)file, sentence);
}

// Root reads what lb7d, which has given up that power, will not be able to.
static bool are_files_right(struct conf *conf, char *file)
{
	log_init("lbctl", LOG_LEVEL_WARN);
	capabilities_drop(false);
	return tls_check(conf, print_mistake, print_advice, file) == 0;
}

static void print_right(const struct conf *conf, const char *file)
{
	unsigned n_backends = 0;

	for (uint16_t i = 0; i < conf->n_pools; i++)
		n_backends += conf->pools[i].n_backends;
	printf("%s: ok (services %u, pools %u, backends %u)\n", file, conf->n_services,
	       conf->n_pools, n_backends);
	fflush(stdout);
}

int lbctl_check(char *file, bool no_files)
{
	struct conf *conf;
	struct err err;
	bool is_right;

	if (conf_load(&conf, file, &err)) {
		fprintf(stderr, "lbctl: %s\n", err.msg);
		return LBCTL_NO;
	}
	is_right = no_files || are_files_right(conf, file);
	if (is_right)
		print_right(conf, file);
	conf_advice(conf, print_advice, file);
	conf_free(conf);
	return is_right ? LBCTL_DONE : LBCTL_NO;
}
