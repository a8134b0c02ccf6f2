#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lbtop in a terminal (tmux), before counters of which the figures are known: every page, every key, every size; a daemon
# that dies, stops, comes again or is another version; a record that a crash or a full disk cuts off.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/tmux.sh
. tests/smoke/tmux.sh

run=${BIN%/bin}/tests/smoke
dir=$TMP/stats
shm=/dev/shm/lb47$(tr / - <<<"$dir")
writer=
export LC_ALL=C.UTF-8 TZ=UTC COLUMNS=80 LB47_STATS=$dir
unset NO_COLOR

clean() {
	tmux_close
	[ -z "$writer" ] || kill -KILL "$writer" 2>/dev/null || true
	rm -rf "$shm" "$TMP"
}
trap clean EXIT

writer_start() {
	"$run/lbtop_writer" "$dir" 100 &
	writer=$!
}
lbtop() { "$BIN/lbtop" "$@"; }
has_counters() { lbtop --once -n 1; }

# refused STATUS PATTERN COMMAND...
refused() {
	local rc=0
	"${@:3}" >"$TMP/out" 2>"$TMP/err" || rc=$?
	[ $rc = "$1" ] || fail "${*:3}: status $rc, not $1: $(cat "$TMP/err")"
	grep -qE -e "$2" "$TMP/err" || fail "${*:3}: $(cat "$TMP/err")"
}

# --- without counters: it says so, and waits ---
refused 1 'no counters in .*: no daemon has run' lbtop --once
refused 2 "'servces' is not one of overview, services, .* \(did you mean services\?\)" lbtop --page servces
refused 2 'not both' lbtop --once --json
refused 2 "'x' is not one of POOL, NAME, " lbtop --page TCP --sort x
refused 2 "'' is no folder" lbtop --stats ''
refused 1 "name of 400 bytes is too long" lbtop --once --stats "$(printf 'a%.0s' {1..400})"
for program in lbtop lbctl lb4d lb7d lbreplay; do
	refused 2 'cannot write: No space left' bash -c "\"$BIN/$program\" --help >/dev/full"
done
refused 2 'not a number in 0.1..60' lbtop --interval 0
refused 1 'no terminal; --once' lbtop
lbtop --json -n 2 -i 0.1 >"$TMP/json"
jq -es 'length == 2 and all(.[]; .error | contains("no daemon"))' "$TMP/json" >/dev/null || fail "--json: $(cat "$TMP/json")"
tmux_open 80x24 "$BIN/lbtop" -i 0.2
sees 'no daemon has run with them'
writer_start
sees 'lbtop edge-1  lb4d up [0-9]+s'

# --- pages: figures that are known ---
sees '^packets in/s +1\.[45].k +1\.[0-9]+k .*█'
sees '^bits in/s +[56]\.[0-9]+M'
sees '^flows +2\.47k'
sees '^web +(9[89][0-9]|1\.0[0-9]k) +[34]\.[0-9]+M'
keys 2
sees '^dns +203\.0\.113\.20:53 +udp +dsr +2[45][0-9] +(19|20)[0-9]k'
keys 3
sees '^web +web-1 +10\.0\.0\.11:80 +up +healthy +7[45]\.[0-9] +7[45][0-9] '
sees '^web +web-2 +10\.0\.0\.12:80 +drain +unhealthy +2[56]\.[0-9] +2[45][0-9] '
keys 5
sees '^ +0 +2[45]\.[0-9] +[67][0-9].k +8'
sees '^ +1 +12\.[0-9] '
keys 7
sees '^received [0-9]+ = forwarded [0-9]+ \+ punted 0 \+ answered 0 \+ dropped [0-9]+'
sees '^pool_empty .* 100  no backend of the pool may take a new flow'
keys a
sees '^eth_truncated .* frame shorter than an Ethernet header'
keys a
sees_not '^eth_truncated'
keys 4
sees 'no L7 service has had a stream'
keys 6
sees 'no workers'
keys 8
sees '^- +api +(19[0-9]|20[0-9]) +0 +0 +(4[5-9]|5[0-5])(\.[0-9])? +0 +- +2[0-9]\.[0-9]ms +3[0-9]\.[0-9]ms'
sees '^api +api-1 +(9[0-9]|10[0-9])(\.[0-9])? +(4[5-9]|5[0-5])(\.[0-9])? +(9[0-9]|10[0-9])(\.[0-9])? +0 +0 +(9[0-9][0-9]us|1\.0[0-9]ms) +- +-'
keys Down Down Enter
sees '^backend api/api-1  10\.0\.0\.31:80'
sees '^kernel +handshake +- +[0-9]+ +[67][0-9][0-9]us '
sees '^kernel +resent +- +[0-9]+ +0 +0 '
keys Escape
keys 8 Tab
sees '^packets in/s'

# --- keys ---
# order NAME...: of the first column of the services page.
order() {
	local want=$*
	in_order() { [ "$(screen | sed '$d' | awk '/^SERVICE/ { on = 1; next } on && NF { printf "%s%s", n++ ? " " : "", $1 }')" = "$want" ]; }
	wait_until 5 in_order || fail "not in the order $want"$'\n'"$(screen)"
}
keys 2
order api dns h3 web
keys r
order web h3 dns api
keys r '>' '>' '>' '>'
order web dns h3 api
keys /
sees 'filter: _'
keys D N
sees 'filter: DN_'
order dns
keys Enter
sees 'only: DN'
keys Escape
order web dns h3 api
keys Down Enter
sees '^service web  203\.0\.113\.10:80  tcp  pool web'
sees '^web +web-2 '
sees_not '^dns +dns-1 '
keys Enter
sees '^backend web/web-1  10\.0\.0\.11:80'
keys Escape
sees '^service web '
keys Escape i
sees '^lb4d +new_flows +[0-9]+ +[0-9]+( +flows)? +flows that were given a backend'
keys Escape
order web dns h3 api
keys 3 a
sees '^dns +dns-1 .* removed'
keys a
keys '?'
sees 'enter +zoom into a line'
sees 'SHARE% +its part of its pool'
keys Down Down Down Down Down Down Down
sees '^P99 '
keys x
sees_not 'zoom into a line'
keys '+'
sees 'every 0.5 s'
keys - - -
sees 'every 0.1 s'
keys Space
sees PAUSED
clock() { screen | grep -oE '[0-9]+:[0-9]+:[0-9]+'; }
paused_at=$(clock)
goes_on() { [ "$(date -u +%T)" \> "$(date -u -d "$paused_at 2 seconds" +%T)" ]; }
wait_until 5 goes_on
[ "$(clock)" = "$paused_at" ] || fail "paused, and the clock goes on"
keys Space
sees_not PAUSED

# --- sizes ---
tmux_resize 50x24
sees 'terminal too small'
sees '50x24, needs 60x12'
tmux_resize 80x8
sees '80x8, needs 60x12'
tmux_resize 132x40
sees '^POOL. +BACKEND +ADDRESS'
keys 2
sees 'FWD/S +REPLY/S'
keys q
tmux_ends 0

# --- colours, and terminals that have none ---
tmux_open 80x24 "$BIN/lbtop" -i 0.2
sees '█'
screen -e | grep -q $'\e\[36m' || fail "no colours"
tmux_open 80x24 env NO_COLOR=1 "$BIN/lbtop" -i 0.2
sees '█'
! screen -e | grep -qE $'\e\[[0-9;]*3[0-7]m' || fail "colours in spite of NO_COLOR"
tmux_open 80x24 "$BIN/lbtop" -i 0.2 --no-color
sees '█'
! screen -e | grep -qE $'\e\[[0-9;]*3[0-7]m' || fail "colours in spite of --no-color"
tmux_open 80x24 env LC_ALL=C "$BIN/lbtop" -i 0.2
sees '^packets in/s .* @'
tmux_open 80x24 env TERM=dumb "$BIN/lbtop"
sees "the terminal 'dumb' cannot move its cursor; --once prints a page"
tmux_ends 1
tmux_open 80x24 env TERM=nonsense "$BIN/lbtop"
sees "nothing is known of the terminal 'nonsense'"
tmux_ends 1

# --- as text, and for programs ---
lbtop --once -p services -i 0.5 --sort PKT -f e >"$TMP/once"
[ "$(awk '/^SERVICE/ { on = 1; next } on { print $1 }' "$TMP/once")" = web ] || fail "--once: $(cat "$TMP/once")"
lbtop --json -n 3 -i 0.5 >"$TMP/json"
jq -es 'length == 3 and (.[0].services[0].rates == {}) and (.[2] | .node == "edge-1" and .lb4d.state == "running"
	and (.services[] | select(.name == "web") | .rates | (.packets - 1000 | fabs) < 150 and (.new_flows - 100 | fabs) < 30))
	and ([.[].lanes[0].counters.rx_packets] | . == sort)' "$TMP/json" >/dev/null || fail "--json: $(cat "$TMP/json")"
! lbtop --once >/dev/full 2>"$TMP/err" || fail "a page that could not be written"
grep -q 'cannot write the page' "$TMP/err" || fail "$(cat "$TMP/err")"
{ lbtop --json -i 0.1 || true; } | head -n 1 >/dev/null # ends with its reader

# --- a daemon that dies, and comes again ---
tmux_open 80x24 "$BIN/lbtop" -i 0.2 -p services
sees '^web .* (9[89][0-9]|1\.0[0-9]k) '
kill -KILL "$writer"
sees 'lb4d \(pid [0-9]+\) is dead'
sees '^web .* 0 '
writer_start
sees 'lb4d up [0-9]+s'
sees '^web .* (9[89][0-9]|1\.0[0-9]k) '
kill -TERM "$writer"
sees 'lb4d has stopped'
"$run/stats_run" "$dir" age 2>"$TMP/err" # on a host with BPF this says that it is no bpffs
sees '^these are old: '
sees 'ours [0-9]+\)'
rm -r "$shm"
sees 'counters of lb4d were removed'
writer_start
sees 'lb4d up [0-9]+s'
sees '^web .* (9[89][0-9]|1\.0[0-9]k) '
keys q
tmux_ends 0
if [ "$(id -u)" -eq 0 ]; then
	chmod 700 "$TMP" "$shm"
	refused 1 'not permitted|Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/lbtop" --once
	chmod 755 "$shm"
fi

# --- records ---
tmux_open 80x24 "$BIN/lbtop" -i 0.2 -p drops -w "$TMP/a.record"
recorded() { [ "$(wc -l <"$TMP/a.record")" -ge "$1" ]; }
keys Space
sees PAUSED
wait_until 5 recorded 8 || fail "a pause stops the record"
_tmux send-keys q
tmux_ends 0
lbtop --replay "$TMP/a.record" --once -p drops >"$TMP/a"
grep -q '^pool_empty ' "$TMP/a" || fail "--replay: $(cat "$TMP/a")"
lbtop --replay "$TMP/a.record" --json | jq -es 'length >= 8 and (.[-1].lanes[0].rates.rx_packets - 1000 | fabs) < 300' >/dev/null ||
	fail "--replay --json"
head -c -100 "$TMP/a.record" >"$TMP/b.record"
tmux_open 80x24 "$BIN/lbtop" --replay "$TMP/b.record" -i 0.1 -p drops
sees 'the record ends here, in the middle of a sample'
sees 'record 20[0-9-]+ [0-9:]+'
keys q
tmux_ends 0
echo '{"lbtop":99}' >"$TMP/c.record"
refused 1 'c.record:1: version 99, and this lbtop reads 1' lbtop --replay "$TMP/c.record" --once
refused 1 ':1: no JSON' lbtop --replay <(echo '{{') --once
refused 1 'No such file' lbtop --replay "$TMP/none" --once
refused 1 'cannot write' lbtop --record "$TMP/none/x" --once
if [ "$(id -u)" -eq 0 ]; then
	mkdir "$TMP/full"
	# shellcheck disable=SC2016 # for the shell inside
	refused 1 'no more is recorded after [1-9][0-9]* samples: No space left' unshare -m bash -c \
		'mount -t tmpfs -o size=64k none "$1/full" && { "$2/lbtop" --json -i 0.1 --record "$1/full/r"; rc=$?; cp "$1/full/r" "$1"; exit $rc; }' \
		- "$TMP" "$BIN"
	lbtop --replay "$TMP/r" --once -p lanes | grep -q '^ *0 ' || fail "what a full disk left of a record is no record"
fi

# --- every option is in the manual and in the completion ---
for option in $("$BIN/lbtop" --help | grep -oE -- '--[a-z-]+' | sort -u); do
	grep -qE "Fl -?${option#-}( |$)" tools/lbtop.8 || fail "lbtop.8 says nothing of $option"
	grep -q -- "$option" tools/lbtop.bash-completion || fail "the completion lacks $option"
done
