// SPDX-License-Identifier: BSD-3-Clause
// grpc_web_client.js 1|2 HOST:PORT web|text PATH SIZES [piece=N] [type=TYPE] [accept=TYPE]: a gRPC-Web call by HTTP/1.1 or HTTP/2, in clear: a
// StreamingOutputCallRequest that asks for messages of SIZES ("3,5"). Says what came: status, type, the messages' sizes, and of the last frame
// status, message and x-grpc-test-echo-trailing-bin; "broken" if the answer did not end. piece: the request's base64 is padded after each N octets.
'use strict';
const http = require('node:http');
const http2 = require('node:http2');
const {encode, payload, payloadSize} = require('./grpc_messages.js');

const [version, target, mode, path, sizes, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((option) => option.split('=')));
const isText = mode === 'text';
const request = encode({2: sizes.split(',').filter(Boolean).map((n) => encode({1: Number(n)})), 3: payload(10)});
const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]);
const headers = {
	'content-type': options.type ?? `application/grpc-web${isText ? '-text' : ''}+proto`,
	'x-grpc-web': '1',
	'x-grpc-test-echo-trailing-bin': 'q6ur',
	origin: 'http://page.example',
};

if (options.accept) headers.accept = options.accept;

function* pieces() {
	const n = Number(options.piece ?? frame.length);

	for (let at = 0; at < frame.length; at += n) {
		const piece = frame.subarray(at, at + n);

		yield isText ? piece.toString('base64') : piece;
	}
}

// Frames of an answer: sizes of messages, and the fields of the last one.
function read(content) {
	const seen = {sizes: [], fields: null};
	let bytes = content;

	while (bytes.length >= 5) {
		const size = bytes.readUInt32BE(1), body = bytes.subarray(5, 5 + size);

		if (seen.fields) throw new Error('octets behind the last frame');
		if (body.length < size) break;
		if (bytes[0] === 0x80)
			seen.fields = Object.fromEntries(body.toString().split('\r\n').filter(Boolean).map((line) => line.split(/:(.*)/s).slice(0, 2)));
		else
			seen.sizes.push(payloadSize(body));
		bytes = bytes.subarray(5 + size);
	}
	seen.rest = bytes.length;
	return seen;
}

// Each padded piece of base64 by itself.
function fromText(text) {
	return Buffer.concat(text.match(/[^=]+=*/g)?.map((part) => Buffer.from(part, 'base64')) ?? []);
}

function say(status, type, chunks, isBroken) {
	const content = Buffer.concat(chunks);
	const {sizes: got, fields, rest: left} = read(/text/.test(type) ? fromText(content.toString()) : content);
	const last = fields ? ['grpc-status', 'grpc-message', 'x-grpc-test-echo-trailing-bin'].map((name) => fields[name]).filter(Boolean).join(' ') : 'no last frame';

	console.log(`${status} ${type} [${got}] ${last}${left ? ` and ${left} octets` : ''}${isBroken ? ' broken' : ''}`);
	process.exit(0);
}

const chunks = [];

if (version === '1') {
	const call = http.request(`http://${target}${path}`, {method: 'POST', headers}, (answer) => {
		answer.on('data', (chunk) => chunks.push(chunk));
		answer.on('error', () => {});
		answer.on('close', () => say(answer.statusCode, answer.headers['content-type'], chunks, !answer.complete));
	});

	for (const piece of pieces()) call.write(piece);
	call.end();
} else {
	const call = http2.connect(`http://${target}`).request({':method': 'POST', ':path': path, ...headers});
	let head = {};

	call.on('response', (h) => { head = h; });
	call.on('data', (chunk) => chunks.push(chunk));
	call.on('error', () => {});
	call.on('close', () => say(head[':status'], head['content-type'], chunks, call.rstCode !== 0));
	for (const piece of pieces()) call.write(piece);
	call.end();
}
