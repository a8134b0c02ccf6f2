#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lbtop_record.sh [SECONDS]: writes lbtop.record anew, from a living edge under load: four L4 services by dsr and nat, two L7
# ones; a backend is drained, then one is killed. As root; then
# ACCEPT=1 63_lbtop_pages_test.sh, and read what it wrote.
EDGE=lb47record
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
LENGTH=${1:-300}
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
for address in 203.0.113.30 203.0.113.31; do
	ip -n "$EDGE-lb" addr add "$address/32" dev lo
done
# A model that thinks for a while, then says a word each 25 ms or so: ?N of them.
cat >"$TMP/llm.py" <<-'PYTHON'
	import asyncio, json, random


	async def answer(reader, writer):
	    head = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
	    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
	    await asyncio.sleep(random.lognormvariate(-1.3, 0.4))
	    for i in range(int(head.partition("?")[2] or 1)):
	        chunk = {"object": "chat.completion.chunk", "model": "demo", "choices": [{"index": 0, "delta": {"content": f"word {i} "}}]}
	        writer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
	        await asyncio.sleep(random.lognormvariate(-3.7, 0.5))
	    writer.write(b"data: [DONE]\n\n")
	    writer.close()


	async def main():
	    await (await asyncio.start_server(answer, "0.0.0.0", 8000)).serve_forever()


	asyncio.run(main())
PYTHON
for n in 1 2 3; do
	ip netns exec "$EDGE-b$n" python3 "$TMP/llm.py" 2>/dev/null &
	disown
done
edge_conf "$TMP/plain.json"
jq '
	def pool($name; $port): {name: $name, balance: "round_robin", health: {type: "tcp", interval_ms: 500, timeout_ms: 400},
		backends: [range(1; 4) | {name: "b\(.)", address: "10.0.0.1\(.)", port: $port}]};
	.node = "edge-1" | .workers = 1
	| .services += [{name: "site", address: "203.0.113.30", port: 80, protocol: "tcp", l7: "site"},
		{name: "chat", address: "203.0.113.31", port: 80, protocol: "tcp", l7: "chat"}]
	| .l7 = [{name: "site", routes: [{path: "/", pool: "web"}]}, {name: "chat", streams: {measure: "tokens"}, routes: [{path: "/", pool: "llm"}]}]
	| .pools += [pool("web"; 80), pool("llm"; 8000)]' "$TMP/plain.json" >"$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

# In waves; the client's connections are new each time but for a page of `site`.
load() {
	in_ns client python3 - "$LENGTH" "${VIPS[@]}" <<-'PYTHON'
		import asyncio, math, random, socket, sys, time
		from urllib.parse import urlsplit

		end = time.monotonic() + float(sys.argv[1])
		wave = lambda: 1.2 + math.sin(time.monotonic() / 25)


		async def fetch(host, path="/", n=1):
		    try:
		        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, 80), 5)
		        for i in range(n):
		            last = "close" if i == n - 1 else "keep-alive"
		            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: {last}\r\n\r\n".encode())
		            if i < n - 1:
		                await reader.readuntil(b"\r\n\r\n")
		                await asyncio.sleep(random.uniform(0.01, 0.05))
		        while await asyncio.wait_for(reader.read(65536), 20):
		            pass
		        if random.random() < 0.05:
		            writer.transport.abort()
		        writer.close()
		    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
		        pass


		async def forever(rate, call):
		    tasks = set()
		    while time.monotonic() < end:
		        tasks.add(task := asyncio.create_task(call()))
		        task.add_done_callback(tasks.discard)
		        await asyncio.sleep(random.expovariate(rate * wave()))


		# A packet that has travelled too far: nat counts a hop, and this one had one left.
		async def tired():
		    s = socket.socket()
		    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
		    s.setblocking(False)
		    s.connect_ex(("203.0.113.20", 80))
		    await asyncio.sleep(0.5)
		    s.close()


		async def main():
		    hosts = [urlsplit(url).hostname for url in sys.argv[2:]]
		    l4 = [forever(8, lambda host=host: fetch(host)) for host in hosts if host != "2001:db8:10::10"]
		    await asyncio.gather(
		        *l4,
		        forever(2, lambda: fetch("203.0.113.30", n=40)),
		        forever(2, lambda: fetch("203.0.113.31", f"/chat?{random.randint(20, 400)}")),
		        forever(1.5, tired),
		    )


		asyncio.run(main())
	PYTHON
}
load &
LOAD=$!
"$BIN/lbtop" -d "/sys/fs/bpf/$EDGE" --json -n $((LENGTH / 20)) -i 20 --record "$TMP/record" >/dev/null &
TOP=$!
sleep $((LENGTH / 3))
ctl backends drain web/b1
sleep $((LENGTH / 3))
pkill -TERM -F "$TMP/b3/pid"
wait "$TOP"
kill -TERM "$LOAD" 2>/dev/null || true
cp "$TMP/record" tests/smoke/lbtop.record
edge_stop
