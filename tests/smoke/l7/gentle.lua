-- SPDX-License-Identifier: BSD-3-Clause
-- For wrk: each connection waits 5 ms between its requests, so that the access log of a test stays readable.
function delay()
	return 5
end
