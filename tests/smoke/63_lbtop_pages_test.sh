#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# conf/lbtop.md shows every page of lbtop as a terminal of 80x24 shows it, from a record of a live edge (lbtop.record: five
# minutes, four L4 services by dsr and nat, two L7 ones, a backend drained and one killed; lbtop_record.sh makes another).
# ACCEPT=1 writes the page anew, to be read before it is committed.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/tmux.sh
. tests/smoke/tmux.sh

trap 'tmux_close; rm -rf "$TMP"' EXIT
export LC_ALL=C.UTF-8 TZ=UTC
page=$TMP/lbtop.md

# known TITLE: the screen that conf/lbtop.md has there.
known() {
	awk -v title="## $1" '/^## / { is_it = $0 == title } /^```$/ { is_shown = 0 }
		is_it && is_shown { print } /^```text$/ { is_shown = 1 }' conf/lbtop.md
}

screen_is() { [ "$(screen)" = "$1" ]; }

# The screen is another one than the last, and stays for a while.
has_settled() {
	local now
	now=$(screen)
	[ "$now" != "$last" ] || return 1
	sleep 0.5
	screen_is "$now"
}

# show TITLE KEYS TEXT: a page. lbtop draws when it has its turn, and parts of a page stand on others: only the whole screen says
# that it is done.
last=
show() {
	local key want
	for key in $2; do keys "$key"; done
	if [ "${ACCEPT:-}" = 1 ]; then
		wait_until 5 has_settled || fail "$1: the screen does not change"
	else
		want=$(known "$1")
		wait_until 10 screen_is "$want" ||
			fail "$1: not what conf/lbtop.md has (ACCEPT=1 $0 writes it anew)"$'\n'"$(diff -u <(echo "$want") <(screen))"
	fi
	last=$(screen)
	# shellcheck disable=SC2016 # a format, and no command
	printf '\n## %s\n\n%s\n\n```text\n%s\n```\n' "$1" "$3" "$last" >>"$page"
}

cat >"$page" <<'END'
# lbtop

Written by tests/smoke/63_lbtop_pages_test.sh from a record of a live edge; do not edit.

    lbtop                                   # live, on the node; ? for help, q quits
    lbtop --once -p backends --sort P99     # a page as text: two samples, a second apart
    lbtop --json | jq -c '[.time_ns, (.services[] | [.name, .rates.packets])]'
    lbtop --record FILE                     # all samples, beside whatever it shows
    lbtop --replay FILE                     # and again, later and elsewhere

It reads the counters that the daemons share (`"stats"` in the configuration, `-d`) and asks nobody. `man lbtop` has the rest;
[counters.md](counters.md) says what is counted.
END

tmux_open 80x24 "$BIN/lbtop" --replay tests/smoke/lbtop.record -i 0.1
sees 'the record ends here' 15
show Overview 1 \
	"How the node has been for five minutes, and its busiest services. Blanks in a curve: no samples."
show Services 2 \
	"What clients connect to. Columns for which there is no room are left out; a wider terminal has them all."
show 'A service' 'j j j j Enter' "Enter on a service: the backends of its pool."
show Backends 'Escape 3' \
	"b1 of web was drained, then b3 was killed: its probes say so, and the others share what there is. Shares and percentiles are over the last minute."
show Streams 4 \
	"Event streams, WebSockets and gRPC calls: TTFT is from the request to the first content-bearing event, GAP between two events."
show Lanes 5 "Cycles for a packet, packets in a burst that was not empty, packets whose flow was in the table."
show Workers 6 "The threads that answer HTTP."
show Drops 7 "Every drop has a reason; \`a\` lists all there are."
show TCP 8 \
	"Connections that end on this node, as its kernel counts them: clients' to L7 services (POOL is -), and ours to backends."
show 'All counters of a line' '2 End i' "\`i\` on any line; \`a\` adds those that are zero."
show Help '?' 'The keys, and the columns of the page before.'
keys q q
tmux_ends 0

if [ "${ACCEPT:-}" = 1 ]; then
	cp "$page" conf/lbtop.md
fi
diff -u conf/lbtop.md "$page" || fail "conf/lbtop.md is not what lbtop shows (ACCEPT=1 $0 writes it anew)"
