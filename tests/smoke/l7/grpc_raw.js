// SPDX-License-Identifier: BSD-3-Clause
// grpc_raw.js N: gRPC calls by bare HTTP/2, in clear, to the loopback device, N at once. Each line of stdin is what is to come of one, its port and
// the call, with tabs between: [hold] [size=N] [after=N] PATH [NAME=VALUE...]. It sends a message of size (3) octets, and one more when the answer
// begins; with `hold` the request does not end. What comes is told in words: head, octets of content, trailers, a reset if there was one. Ends with
// status 1 and says so if something else comes than is to.
'use strict';
const fs = require('node:fs');
const http2 = require('node:http2');

const cases = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => line.split('\t'));

function message(n) {
	const bytes = Buffer.alloc(5 + n);

	bytes.writeUInt32BE(n, 1);
	return bytes;
}

const shown = (headers) => ['content-type', 'grpc-status', 'grpc-message', 'x-own', 'x-a-bin']
	.filter((name) => headers[name] !== undefined).map((name) => headers[name]).join(' ');

function read(text) {
	const rest = text.split(' '), isHeld = rest[0] === 'hold' && Boolean(rest.shift());
	const option = (name) => rest[0].startsWith(`${name}=`) ? Number(rest.shift().slice(name.length + 1)) : undefined;
	const size = option('size') ?? 3, after = option('after');
	const [path, ...fields] = rest;

	return {isHeld, size, after, path, fields: fields.map((field) => field.split(/=(.*)/s).slice(0, 2))};
}

function call(port, text, done) {
	const {isHeld, size, after, path, fields} = read(text), said = [];
	const session = http2.connect(`http://127.0.0.1:${port}`);
	const stream = session.request({
		':method': 'POST', ':path': path, 'content-type': 'application/grpc+proto', te: 'trailers', ...Object.fromEntries(fields),
	}, {endStream: false});
	let length = 0;
	const timer = setTimeout(() => {
		said.push('nothing more');
		stream.close();
	}, 10000);

	stream.on('response', (headers, flags) => {
		said.push(`${flags & http2.constants.NGHTTP2_FLAG_END_STREAM ? 'only' : 'head'} ${headers[':status']} ${shown(headers)}`);
	});
	stream.on('data', (bytes) => {
		if (!length && after) stream.write(message(after));
		length += bytes.length;
	});
	stream.on('trailers', (headers) => { said.push(`${length} octets, trailers ${shown(headers)}`); });
	stream.on('error', () => {});
	session.on('error', () => {});
	stream.on('close', () => {
		clearTimeout(timer);
		if (stream.rstCode) said.push(`reset ${stream.rstCode}`);
		session.destroy();
		done(said.join(', '));
	});
	stream.write(message(size));
	if (!isHeld) stream.end();
}

function next() {
	const one = cases.shift();

	if (!one) return;
	const [want, port, text] = one;

	call(port, text, (got) => {
		if (got !== want) {
			console.error(`${text}: ${got}, not ${want}`);
			process.exitCode = 1;
		}
		next();
	});
}

for (let i = 0; i < Number(process.argv[2]); i++) next();
