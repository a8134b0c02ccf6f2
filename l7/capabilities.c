// SPDX-License-Identifier: BSD-3-Clause
#include "l7/capabilities.h"

#include <cap-ng.h>
#include <sys/prctl.h>

#include "l4/base/log.h"

static bool has_others(void)
{
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap != CAP_NET_BIND_SERVICE && capng_have_capability(CAPNG_PERMITTED, cap))
			return true;
	return false;
}

static void keep(unsigned cap, bool is_kept)
{
	if (is_kept)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
}

static bool apply(bool may_bind, bool may_map, bool may_trace)
{
	bool has_setpcap = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	capng_clear(CAPNG_SELECT_BOTH);
	keep(CAP_NET_BIND_SERVICE, may_bind);
	keep(CAP_BPF, may_map);
	keep(CAP_PERFMON, may_trace);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return capng_apply(has_setpcap ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) == 0;
}

static bool has(unsigned cap)
{
	return capng_have_capability(CAPNG_PERMITTED, cap);
}

void capabilities_drop(bool may_trace)
{
	bool may_bind;

	if (capng_get_caps_process() != 0 || !has_others())
		return;
	may_bind = has(CAP_NET_BIND_SERVICE);
	if (!apply(may_bind, has(CAP_BPF), may_trace && has(CAP_PERFMON)))
		LOG_WARN("privileges not dropped");
	else
		LOG_INFO("privileges dropped kept=%s", may_bind ? "net_bind_service" : "none");
}

void capabilities_drop_last(void)
{
	if (capng_get_caps_process() != 0 || !(has(CAP_BPF) || has(CAP_PERFMON)))
		return;
	if (!apply(has(CAP_NET_BIND_SERVICE), false, false))
		LOG_WARN("privileges not dropped");
}
