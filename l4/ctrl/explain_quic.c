// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/explain_quic.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "l4/data/quic.h"

// RFC 9000, section 17.2: header form and fixed bit, then the type; packet numbers of one byte.
enum { FIRST_SHORT = 0x40, FIRST_INITIAL = 0xc0, FIRST_HANDSHAKE = 0xe0 };

enum { CLIENT_CID = 8 }; // bytes that a client's first connection ID has at least (section 7.2)

int explain_quic_check(const struct ctl_explain_params *params, struct err *err)
{
	bool is_long = params->long_header || !params->cid.len;

	if (params->key.protocol == PROTO_QUIC)
		return params->scid.len && !is_long
		               ? err_set(err, -EINVAL, "scid: a short header has none")
		               : 0;
	if (params->cid.len || params->scid.len)
		return err_set(err, -EINVAL, "cid: only for protocol quic");
	if (params->long_header)
		return err_set(err, -EINVAL, "long_header: only for protocol quic");
	return 0;
}

static struct ctl_cid random_cid(void)
{
	struct ctl_cid cid = {.len = CLIENT_CID};

	// Without entropy, early at boot, zeros do: a number that no server has issued either.
	if (getrandom(cid.byte, CLIENT_CID, GRND_NONBLOCK) != CLIENT_CID)
		memset(cid.byte, 0, CLIENT_CID);
	return cid;
}

static uint8_t *put_cid(uint8_t *p, const struct ctl_cid *cid)
{
	*p++ = cid->len;
	memcpy(p, cid->byte, cid->len);
	return p + cid->len;
}

static size_t put_long(uint8_t *out, uint8_t first, const struct ctl_cid *cid,
                       const struct ctl_cid *scid)
{
	be32 version = be32_from(QUIC_V1);
	uint8_t *p = out;
	be16 rest;

	*p++ = first;
	memcpy(p, &version, sizeof(version));
	p = put_cid(p + sizeof(version), cid);
	p = put_cid(p, scid);
	if (first == FIRST_INITIAL)
		*p++ = 0; // no token
	// The length of what follows, as a variable-length integer of two bytes (section 16).
	rest = be16_from((uint16_t)(0x4000 | (out + EXPLAIN_QUIC_LONG - p - sizeof(rest))));
	memcpy(p, &rest, sizeof(rest));
	return EXPLAIN_QUIC_LONG;
}

size_t explain_quic_put(uint8_t *out, const struct ctl_explain_params *params)
{
	struct ctl_cid cid;

	memset(out, 0, EXPLAIN_QUIC_MAX);
	if (!params->cid.len) {
		cid = random_cid();
		return put_long(out, FIRST_INITIAL, &cid, &params->scid);
	}
	if (params->long_header)
		return put_long(out, FIRST_HANDSHAKE, &params->cid, &params->scid);
	out[0] = FIRST_SHORT;
	memcpy(out + 1, params->cid.byte, params->cid.len);
	return EXPLAIN_QUIC_SHORT;
}
