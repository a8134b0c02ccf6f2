#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The whole lb4d on a net_pcap device that reads a capture for ever (infinite_rx), one lane, beside
# dpdk-testpmd on the same device, file, core and burst size: io moves packets without looking at them, 5tswap
# swaps MACs, addresses and ports (it reads and writes what lb4d reads and writes, but looks nothing up).
# All run in turn, BENCH_ROUNDS times (3); medians. 64-byte TCP, at 1, 4 k, 64 k, 500 k flows. Packets are counted by
# each program's own counters, time is that of the lane's thread on its CPU.
#
#   bench lb4d_dsr_4k ours=NS yardstick=NS ratio=R     a packet's time in lb4d, in 5tswap, ours/yardstick:
#                                                      lower is better; 2.00 is half of 5tswap's rate
#
# nat is the forward direction alone: the captures hold what clients send. net_pcap drops what is sent, for all
# of them. Packets take the same way into both programs, copied out of the file by the driver: a
# part of every time that flatters the ratio; the table's "above io" is without it.
set -euo pipefail
cd "$(dirname "$0")/../.."

BIN=$(realpath -m "${O:-build}")/bin
TMP=$(mktemp -d /tmp/lb47-bench-XXXXXX)
export PATH=$PATH:/usr/sbin:/sbin
export TMPDIR=$TMP

ROUNDS=${BENCH_ROUNDS:-3}
FLOWS=${BENCH_FLOWS:-1 4000 64000 500000}
WARM_S=0.7     # a million flow entries are touched for the first time meanwhile
MEASURE_S=1.2
LANE=$(($(nproc) - 1))
PAGE_MB=2
LB4D='' TESTPMD=''
pages_before=

declare -A name=([1]=1 [4000]=4k [64000]=64k [500000]=500k)

say() { printf '# %s\n' "$*"; }

skip() {
	say "lb4d_rate: skipped: $*"
	exit 0
}

clean() {
	local pid
	for pid in $LB4D $TESTPMD; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	[ -z "$pages_before" ] || echo "$pages_before" >/proc/sys/vm/nr_hugepages
	rm -rf "$TMP" "/sys/fs/bpf/${TMP##*/}" "/dev/shm/lb47-sys-fs-bpf-${TMP##*/}"
}
trap clean EXIT

free_mb() { echo $(($(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0) * PAGE_MB)); }

# mbufs FLOWS: packet buffers that hold the capture, and 16384 to work with; need_mb: the memory for them.
mbufs() { echo $((($1 > 4000 ? $1 : 4000) + 16384)); }
need_mb() { echo $(($(mbufs "$1") * 2432 / 1048576 + 128)); }

# Huge pages for the largest case, put back afterwards. Whoever is not root takes what there is.
get_hugepages() {
	local most=0 flows
	for flows in $FLOWS; do
		((most > $(need_mb "$flows"))) || most=$(need_mb "$flows")
	done
	(($(free_mb) < most)) || return 0
	[ -w /proc/sys/vm/nr_hugepages ] || return 0
	pages_before=$(cat /proc/sys/vm/nr_hugepages)
	echo $((pages_before + (most - $(free_mb)) / PAGE_MB + 1)) >/proc/sys/vm/nr_hugepages
}

# memory_of FLOWS: "huge" or "small". Both programs get the same.
memory_of() { if (($(free_mb) >= $(need_mb "$1"))); then echo huge; else echo small; fi; }

# configure FORWARD FLOWS
configure() {
	local backends='' i
	for i in 1 2 3 4 5 6 7 8; do
		backends+="{ \"name\": \"b$i\", \"address\": \"10.0.0.1$i\", \"port\": 80, \"mac\": \"02:00:00:00:01:0$i\" },"
	done
	cat >"$TMP/lb4d.json" <<-END
		{
		  "node": "bench", "control": "$TMP/lb4d.sock", "stats": "/sys/fs/bpf/${TMP##*/}",
		  "ports": [ { "name": "p", "driver": "pcap", "rx": "$TMP/$2.pcap", "loop": true, "mac": "02:00:00:00:47:00" } ],
		  "lanes": [$LANE], "idle": "poll",
		  "hugepages": $([ "$(memory_of "$2")" = huge ] && echo true || echo false),
		  "snat": { "addresses": [ "10.0.9.1", "10.0.9.2", "10.0.9.3", "10.0.9.4", "10.0.9.5", "10.0.9.6", "10.0.9.7", "10.0.9.8" ] },
		  "services": [ { "name": "web", "address": "203.0.113.10", "port": 80, "protocol": "tcp", "forward": "$1", "pool": "web" } ],
		  "pools": [ { "name": "web", "backends": [ ${backends%,} ] } ]
		}
	END
}

counters() { "$BIN/lbctl" -s "$TMP/lb4d.sock" -o json counters; }

start_lb4d() {
	local i
	"$BIN/lb4d" -c "$TMP/lb4d.json" 2>"$TMP/lb4d.log" &
	LB4D=$!
	for ((i = 0; i < 200; i++)); do
		! grep -q ' ready ' "$TMP/lb4d.log" || return 0
		kill -0 "$LB4D" 2>/dev/null || break
		sleep 0.05
	done
	cat "$TMP/lb4d.log" >&2
	return 1
}

# cpu_ns PID: how long the lane's thread has been on its CPU. Rates by this clock are the same on a machine that is
# busy with something else, and by the wall's clock on one that is not.
cpu_ns() {
	local task
	for task in "/proc/$1/task/"*; do
		[[ $(<"$task/comm") != *worker* ]] || cut -d ' ' -f 1 "$task/schedstat"
	done
}

# ns_lb4d FORWARD FLOWS: nanoseconds a packet. All packets must be forwarded, or it would be another benchmark.
ns_lb4d() {
	local from to
	configure "$1" "$2"
	start_lb4d
	sleep $WARM_S
	from=$(counters | jq --argjson ns "$(cpu_ns "$LB4D")" '{ns: $ns, received, forwarded}')
	sleep $MEASURE_S
	to=$(counters | jq --argjson ns "$(cpu_ns "$LB4D")" '{ns: $ns, received, forwarded}')
	kill -TERM "$LB4D"
	wait "$LB4D"
	LB4D=
	jq -n --argjson a "$from" --argjson b "$to" '($b.received - $a.received) as $n |
		if $n == 0 or ($b.forwarded - $a.forwarded) < 0.99 * $n then error("not forwarded: \($a) \($b)")
		else ($b.ns - $a.ns) / $n end'
}

# printed N: waits until testpmd has printed its statistics for the Nth time; says the packets so far and cpu_ns.
printed() {
	local i n
	for ((i = 0; i < 2000; i++)); do
		n=$(grep -c Rx-pps "$TMP/testpmd.log" || true)
		((n < $1)) || break
		kill -0 "$TESTPMD" 2>/dev/null || break
		sleep 0.005
	done
	echo "$(sed -n 's/.*RX-packets: *\([0-9]*\).*/\1/p' "$TMP/testpmd.log" | tail -n 1)" "$(cpu_ns "$TESTPMD")"
}

# ns_testpmd MODE FLOWS: by the statistics that it prints each second, between the second and the third time.
ns_testpmd() {
	local memory=(--in-memory) from to
	: >"$TMP/testpmd.log"
	[ "$(memory_of "$2")" = huge ] || memory=(--no-huge --no-shconf -m "$(need_mb "$2")")
	dpdk-testpmd --lcores="0@0,1@$LANE" --main-lcore=0 "${memory[@]}" --no-pci --no-telemetry \
		--vdev="net_pcap0,rx_pcap=$TMP/$2.pcap,infinite_rx=1" -- --forward-mode="$1" --nb-cores=1 --auto-start \
		--stats-period=1 --total-num-mbufs="$(mbufs "$2")" >"$TMP/testpmd.log" 2>&1 </dev/null &
	TESTPMD=$!
	from=$(printed 2)
	to=$(printed 3)
	kill -INT "$TESTPMD"
	wait "$TESTPMD" || true
	TESTPMD=
	awk -v from="$from" -v to="$to" 'BEGIN { split(from, a); split(to, b); if (b[1] <= a[1]) exit 1; print (b[2] - a[2]) / (b[1] - a[1]) }' ||
		{ tail -n 5 "$TMP/testpmd.log" >&2; return 1; }
}

median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# one FLOWS: appends a value to each of the four lists.
one() {
	ns_testpmd io "$1" >>"$TMP/io.$1"
	ns_lb4d dsr "$1" >>"$TMP/dsr.$1"
	ns_testpmd 5tswap "$1" >>"$TMP/5tswap.$1"
	ns_lb4d nat "$1" >>"$TMP/nat.$1"
}

report() {
	local flows what
	for flows in $FLOWS; do
		for what in io 5tswap dsr nat; do
			median "$TMP/$what.$flows"
		done | paste -s -d ' ' | awk -v flows="$flows" -v pages="$(memory_of "$flows")" '
			{ printf "# %7d %-6s %6.1f ns %5.1f M %6.1f ns %5.1f M %6.1f ns %5.1f M %6.1f ns %5.1f M %12.2f\n", flows, pages,
				$1, 1e3 / $1, $2, 1e3 / $2, $3, 1e3 / $3, $4, 1e3 / $4, ($3 - $1) / ($2 - $1) }'
	done
	for flows in $FLOWS; do
		for what in dsr nat; do
			awk -v name="lb4d_${what}_${name[$flows]-$flows}" -v ours="$(median "$TMP/$what.$flows")" \
				-v theirs="$(median "$TMP/5tswap.$flows")" \
				'BEGIN { printf "bench %s ours=%.1f yardstick=%.1f ratio=%.2f\n", name, ours, theirs, ours / theirs }'
		done
	done
}

command -v dpdk-testpmd >/dev/null || skip "no dpdk-testpmd (Debian: dpdk-dev)"
[ "$(nproc)" -gt 1 ] || skip "needs two CPUs, one for the lane"
get_hugepages
for flows in $FLOWS; do
	tests/bench/captures.py "$flows" "$TMP/$flows.pcap"
done
for ((round = 0; round < ROUNDS; round++)); do
	for flows in $FLOWS; do
		one "$flows"
	done
done
say "lb4d beside testpmd on net_pcap, one core (CPU $LANE), 64-byte TCP, medians of $ROUNDS rounds; a packet's time and rate:"
printf '# %7s %-6s %16s %18s %18s %18s %14s\n' flows pages "testpmd io" "testpmd 5tswap" "lb4d dsr" "lb4d nat" "dsr above io"
report
