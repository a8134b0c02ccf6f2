// SPDX-License-Identifier: BSD-3-Clause
// acked.js PORT: event streams by Node. GET /events?id=ID&how=chunked|close sends a piece, half an event, only after POST
// /ack?id=ID&n=BYTES said that the client has all bytes before it. /hold sends no more after its first half event,
// but "\n\n" at an ack; /silent does not answer. Says on stdout what it saw of the streams' ends.
'use strict';
const http = require('http');

const N_EVENTS = 40;
const streams = new Map(); // by id: what to do at an ack

const pieces = [];
for (let i = 0; i < N_EVENTS; i++)
	pieces.push(`id: ${i}\nda`, `ta: event ${i}\n\n`);

function begin(req, res, url) {
	const id = url.searchParams.get('id');
	res.on('close', () => console.log(`${res.writableFinished ? 'ended' : 'aborted'} ${id}`));
	if (url.pathname === '/silent') {
		console.log(`asked ${id}`);
		return;
	}
	if (url.searchParams.get('how') === 'close') {
		res.useChunkedEncodingByDefault = false;
		res.shouldKeepAlive = false;
	}
	res.writeHead(200, { 'Content-Type': 'text/event-stream' });
	if (url.pathname === '/hold') {
		streams.set(id, () => res.write('\n\n'));
		res.write('data: half');
		return;
	}
	let sent = 0, next = 0;
	const go = (n) => {
		if (n !== sent)
			return;
		if (next === pieces.length) {
			res.end();
			return;
		}
		sent += pieces[next].length;
		res.write(pieces[next++]);
	};
	streams.set(id, go);
	go(0);
}

http.createServer((req, res) => {
	const url = new URL(req.url, 'http://origin');
	if (req.method !== 'POST') {
		begin(req, res, url);
		return;
	}
	streams.get(url.searchParams.get('id'))(Number(url.searchParams.get('n')));
	res.end();
}).listen(Number(process.argv[2]), '127.0.0.1');
