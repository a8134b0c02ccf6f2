// SPDX-License-Identifier: BSD-3-Clause
#include "bpf/tcp_programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/attach.h"
#include "l4/base/log.h"
#include "l4/model/tcp_watch.h"

struct tcp_programs {
	struct attach_tcp *tcp;
};

struct tcp_programs *tcp_programs_open(const struct conf *conf, const struct stats *stats)
{
	struct tcp_programs *t;
	struct err err = {0};

	if (!conf->telemetry.tcp) {
		LOG_INFO("tcp not counted reason=\"telemetry.tcp is false\"");
		return NULL;
	}
	if (!stats->is_bpf) {
		LOG_WARN("tcp not counted reason=\"the counters are in files, not in BPF maps\"");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t || attach_tcp_open(&t->tcp, conf->stats, &err)) {
		LOG_WARN("tcp not counted reason=\"%s\"", t ? err.msg : strerror(ENOMEM));
		free(t);
		return NULL;
	}
	return t;
}

static struct attach_tcp_entry entry_of(const struct tcp_watch *w)
{
	struct attach_tcp_entry e = {
		.key = {.port = be16_raw(w->port),
	                .side = w->is_backend ? TCP_BACKEND : TCP_SERVICE,
	                .family = w->address.family},
		.target = {.id = w->id},
	};

	memcpy(e.key.addr, w->address.word, sizeof(e.key.addr));
	return e;
}

static int update(const struct tcp_programs *t, const struct conf *conf,
                  const struct roster *roster, struct err *err)
{
	struct attach_tcp_entry *entries;
	struct tcp_watch *list;
	size_t n;
	int rc = tcp_watch_list(&list, &n, conf, roster);

	if (rc)
		return err_set(err, rc, "out of memory");
	entries = calloc(n + 1, sizeof(*entries));
	for (size_t i = 0; entries && i < n; i++)
		entries[i] = entry_of(&list[i]);
	rc = entries ? attach_tcp_update(t->tcp, entries, n, err)
	             : err_set(err, -ENOMEM, "out of memory");
	free(entries);
	free(list);
	if (!rc)
		LOG_INFO("tcp counted endpoints=%zu", n);
	return rc;
}

void tcp_programs_update(const struct tcp_programs *t, const struct conf *conf,
                         const struct roster *roster)
{
	struct err err;

	if (t && update(t, conf, roster, &err))
		LOG_ERROR("tcp counted for the endpoints of before reason=\"%s\"", err.msg);
}

void tcp_programs_close(struct tcp_programs *t)
{
	if (!t)
		return;
	attach_tcp_close(t->tcp);
	free(t);
}
