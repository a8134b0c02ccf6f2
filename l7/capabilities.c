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

void capabilities_drop(void)
{
	bool may_bind, has_setpcap;

	if (capng_get_caps_process() != 0 || !has_others())
		return;
	may_bind = capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE);
	has_setpcap = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_BOTH);
	if (may_bind)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_BIND_SERVICE);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (capng_apply(has_setpcap ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
		LOG_WARN("privileges not dropped");
	else
		LOG_INFO("privileges dropped kept=%s", may_bind ? "net_bind_service" : "none");
}
