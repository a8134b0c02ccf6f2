// SPDX-License-Identifier: BSD-3-Clause
// ticks.js PORT: an event stream for everybody, numbered from 1, an event each 20 ms.
// ticks.js URL N: N such streams. Says "open" once each had an event, at SIGTERM how many ran on; status 1 as soon as one ends or
// leaves an event out.
'use strict';
const assert = require('assert');
const http = require('http');

function serve(port) {
	http.createServer((req, res) => {
		let i = 0;
		res.writeHead(200, { 'Content-Type': 'text/event-stream' });
		const timer = setInterval(() => res.write(`data: ${++i}\n\n`), 20);
		res.on('close', () => clearInterval(timer));
	}).listen(port, '127.0.0.1');
}

function listen(url, n) {
	const seen = new Array(n).fill(0);
	let n_begun = 0;
	for (let i = 0; i < n; i++) {
		http.get(url, { agent: false }, (res) => {
			let text = '';
			res.on('data', (data) => {
				text += data;
				for (let m; (m = /^data: (\d+)\n\n/.exec(text)); text = text.slice(m[0].length)) {
					assert.strictEqual(Number(m[1]), ++seen[i]);
					if (seen[i] === 1 && ++n_begun === n)
						console.log('open');
				}
			});
			res.on('close', () => assert.fail(`stream ${i} ended after ${seen[i]} events`));
		});
	}
	process.on('SIGTERM', () => {
		const before = [...seen];
		setInterval(() => {
			if (!seen.every((s, i) => s > before[i]))
				return;
			console.log(`${n} ran on`);
			process.exit(0);
		}, 20);
	});
}

if (process.argv.length === 3)
	serve(Number(process.argv[2]));
else
	listen(process.argv[2], Number(process.argv[3]));
