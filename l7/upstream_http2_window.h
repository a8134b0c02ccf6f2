// SPDX-License-Identifier: BSD-3-Clause
// How much a backend of HTTP/2 may send ahead for each request: UPSTREAM_HTTP2_WINDOW, and more for a client that keeps up. What has come
// is given to the client at once; the backend gets window for it when the client has taken all. One thread, that of the worker.
#pragma once

#include "l7/upstream_http2_call.h"

// n bytes came and are about to be given to the client.
void upstream_http2_window_note(struct upstream_http2_call *call, size_t n);

// After all that came together was given: the windows of those whose clients have taken it.
void upstream_http2_window_give(struct upstream_http2 *c);

// The client has taken all that it was given.
void upstream_http2_window_resume(struct upstream *up);

// The client holds us up, or the call ends: nothing more is promised.
void upstream_http2_window_narrow(struct upstream_http2_call *call);
