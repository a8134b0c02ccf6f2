// SPDX-License-Identifier: BSD-3-Clause
// grpc_load.js HOST:PORT [N]: unary calls by bare HTTP/2, which is a quarter of the work of a library's, on one connection, 50 at once, N of
// them or until SIGTERM; each 20 ms a line on stdout with how many were answered by whom (x-server), the last one when all have ended.
// Calls that fail are told on stderr.
'use strict';
const http2 = require('node:http2');

const [target, most] = process.argv.slice(2);
const session = http2.connect(`http://${target}`);
const head = {':method': 'POST', ':path': '/smoke.Quick/Call', 'content-type': 'application/grpc', te: 'trailers'};
const message = Buffer.from([0, 0, 0, 0, 3, 0x12, 1, 0x61]);
const answered = {};
let left = most === undefined ? Infinity : Number(most), running = 0;

function end() {
	console.log(JSON.stringify(answered));
	process.exit(0);
}

function one() {
	if (left-- <= 0) {
		if (running === 0) end();
		return;
	}
	running++;
	const stream = session.request(head);
	let server = 'nobody', status = 'no status', length = 0;

	stream.on('response', (headers) => {
		server = headers['x-server'];
		status = headers['grpc-status'] ?? status;
	});
	stream.on('trailers', (headers) => { status = headers['grpc-status']; });
	stream.on('data', (bytes) => { length += bytes.length; });
	stream.on('error', (error) => { status = error.message; });
	stream.on('close', () => {
		running--;
		if (status === '0' && length === message.length) answered[server] = (answered[server] ?? 0) + 1;
		else console.error(`${server}: ${status}, ${length} octets`);
		one();
	});
	stream.end(message);
}

session.on('error', (error) => {
	console.error(error.message);
	process.exit(1);
});
process.on('SIGTERM', () => { left = 0; });
setInterval(() => console.log(JSON.stringify(answered)), 20).unref();
for (let i = 0; i < 50; i++) one();
