// SPDX-License-Identifier: BSD-3-Clause
// origin.js PORT: Node's HTTP server. What it answers is said by the path.
'use strict';
const http = require('http');
const crypto = require('crypto');

const big = Buffer.alloc(20000000, 'lb47 streams what it does not understand. ');

const answers = {
	// The request as it came, headers in order, names as sent.
	'/seen': (req, res) => res.end(JSON.stringify({
		method: req.method, url: req.url, version: req.httpVersion, port: req.socket.remotePort,
		headers: req.rawHeaders.flatMap((name, i, all) => i % 2 ? [] : [[name, all[i + 1]]]),
	})),
	// The checksum of the content, its framing and its trailers.
	'/sum': (req, res) => {
		const sum = crypto.createHash('sha256');
		req.on('data', (chunk) => sum.update(chunk));
		req.on('end', () => {
			const how = req.headers['content-length'] ? 'length' : req.headers['transfer-encoding'];
			res.end(`${sum.digest('hex')} ${how} ${req.rawTrailers.join('=')}\n`);
		});
	},
	'/big-length': (req, res) => { res.setHeader('Content-Length', big.length); res.end(big); },
	'/big-chunked': (req, res) => { for (let at = 0; at < big.length; at += 99991) res.write(big.subarray(at, at + 99991)); res.end(); },
	'/trailers': (req, res) => {
		res.setHeader('Trailer', 'X-Sum');
		res.write('content\n');
		res.addTrailers({ 'X-Sum': '42' });
		res.end();
	},
	'/hints': (req, res) => {
		res.writeEarlyHints({ link: '</style.css>; rel=preload' });
		res.end('hinted\n');
	},
	'/cookie': (req, res) => {
		res.setHeader('Set-Cookie', ['a=1', 'b=2']);
		res.setHeader('X-Internal', 'secret');
		res.setHeader('Server', 'origin');
		res.end('cookie\n');
	},
	'/silent': () => {},
	'/reset': (req) => req.socket.resetAndDestroy(),
	'/half': (req, res) => {
		res.setHeader('Content-Length', 100);
		res.write('only this\n', () => req.socket.resetAndDestroy());
	},
	'/nonsense': (req) => req.socket.end('HTTP/1.1 two hundred\r\n\r\n'),
};

const server = http.createServer((req, res) => {
	const answer = answers[req.url.split('?')[0]];
	if (answer)
		answer(req, res);
	else
		res.end(`${process.argv[2]} ${req.method} ${req.url}\n`);
});
// A WebSocket that it does not understand.
server.on('upgrade', (req, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n' +
	'Upgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n'));
server.keepAliveTimeout = 600000;
server.listen(Number(process.argv[2]), '127.0.0.1');
