// SPDX-License-Identifier: BSD-3-Clause
// ws_many.js URL N: N WebSockets to an echo, each asked again and again. Says "open" once all are, and at SIGTERM asks each once more,
// then says how many answered. Status 1, with the reason, as soon as one ends or gives a wrong answer.
'use strict';
const assert = require('assert');
const WebSocket = require('ws');

const n = Number(process.argv[3]);
let n_open = 0, n_last = 0, is_ending = false;

for (let i = 0; i < n; i++) {
	const ws = new WebSocket(process.argv[2]);
	let asked = 0;
	const ask = () => ws.send(`${i} ${++asked}${is_ending ? ' last' : ''}`);
	ws.on('open', () => {
		ask();
		if (++n_open === n)
			console.log('open');
	});
	ws.on('message', (data) => {
		assert.match(String(data), new RegExp(`^${i} ${asked}( last)?$`));
		if (!/last/.test(data))
			setTimeout(ask, 20);
		else if (++n_last === n) {
			console.log(`${n} answered`);
			process.exit(0);
		}
	});
	ws.on('close', (code) => assert.fail(`WebSocket ${i} ended with ${code} after ${asked} messages`));
}
process.on('SIGTERM', () => { is_ending = true; });
