// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_filter.h"

#include <errno.h>
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>

enum { SNAP = 65535 };

static char *program_text(const struct bpf_program *program)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fprintf(f, "%u", program->bf_len);
	for (unsigned i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *insn = &program->bf_insns[i];

		fprintf(f, ",%u %u %u %u", insn->code, insn->jt, insn->jf, insn->k);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

int lbctl_filter_compile(char **out, const char *expression, struct err *err)
{
	pcap_t *form = pcap_open_dead(DLT_EN10MB, SNAP);
	struct bpf_program program;
	int rc = 0;

	if (!form)
		return err_set(err, -ENOMEM, "out of memory");
	if (pcap_compile(form, &program, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		rc = err_set(err, -EINVAL, "--filter: %s", pcap_geterr(form));
	} else {
		*out = program_text(&program);
		rc = *out ? 0 : err_set(err, -ENOMEM, "out of memory");
		pcap_freecode(&program);
	}
	pcap_close(form);
	return rc;
}
