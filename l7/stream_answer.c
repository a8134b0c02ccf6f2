// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_answer.h"

#include <time.h>

#include "l7/answer.h"
#include "l7/rewrite.h"
#include "l7/stream.h"
#include "l7/worker_state.h"

// route: whose headers to set; NULL = none. Leaves before this returns: what the answer is made of lies on the caller's stack.
static void give(struct stream *s, struct answer *a, const struct conf_route *route)
{
	const struct stream_client *from = s->from;
	struct response *r = &s->w->response;
	char date[ANSWER_DATE_SIZE];

	a->now_s = (uint64_t)time(NULL);
	answer_response(r, a, date);
	if (route && !rewrite_answer(r, route))
		return; // cannot be: there are fewer than there is room for
	if (!stream_respond(s, r))
		return; // cannot be: answers are short
	if (s->method != METHOD_HEAD && r->body == BODY_LENGTH && r->content_length) {
		s->bytes_out += a->body.len;
		from->ops->data(from->client, a->body);
	}
	from->ops->end(from->client, NULL);
	from->ops->pending(from->client);
}

void stream_answer_error(struct stream *s, uint16_t status, const char *reason)
{
	char space[256];
	struct text t = text_of(space, sizeof(space));
	struct answer a = answer_error(status, reason, &t);

	give(s, &a, NULL);
}

void stream_answer_route(struct stream *s, const struct request *r)
{
	const struct conf_route *route = s->route->conf;
	char space[4096];
	struct text t = text_of(space, sizeof(space));
	struct answer a;

	if (route->has_answer)
		a = answer_fixed(&route->answer);
	else if (!answer_redirect(&a, &route->redirect, r, &t))
		a = answer_error(400, "redirect would be malformed", &t);
	give(s, &a, route);
}
