// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/compile.h"

#include "l4/data/quic_route.h"

int compile_snapshot(struct snapshot **out, const struct snapshot_input *in, struct err *err)
{
	struct snapshot *s;
	int rc = snapshot_build(&s, in, err);

	if (rc)
		return rc;
	rc = quic_route_build(s, in->conf, in->roster, err);
	if (rc) {
		snapshot_free(s);
		return rc;
	}
	*out = s;
	return 0;
}
