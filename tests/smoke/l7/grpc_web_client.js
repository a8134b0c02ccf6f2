// SPDX-License-Identifier: BSD-3-Clause
// grpc_web_client.js PORT: gRPC-Web calls, in clear, to the loopback device, 8 at once. Each line of stdin is what is to come of one, and the call,
// with a tab between: 1|2 web|text PATH SIZES [piece=N] [type=TYPE] [accept=TYPE]: by HTTP/1.1 or HTTP/2, a StreamingOutputCallRequest that asks for
// messages of SIZES ("3,5", "-" for none). What comes is told in words: type, the messages' sizes, and of the last frame status, message and
// x-grpc-test-echo-trailing-bin; "broken" if the answer did not end. piece: the request is sent, and padded if it is base64, in pieces of N octets.
// Ends with status 1 and says so if something else comes than is to.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const {encode, payload, payloadSize} = require('./grpc_messages.js');

const authority = `http://127.0.0.1:${process.argv[2]}`;
const cases = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => line.split('\t'));

function requestOf(sizes) {
	const message = encode({2: sizes.split(',').filter((n) => n !== '-').map((n) => encode({1: Number(n)})), 3: payload(10)});

	return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
}

function* pieces(bytes, n, isText) {
	for (let at = 0; at < bytes.length; at += n) {
		const piece = bytes.subarray(at, at + n);

		yield isText ? piece.toString('base64') : piece;
	}
}

// Frames of an answer: sizes of messages, the fields of the last frame, octets behind.
function read(content) {
	const seen = {sizes: [], fields: null};
	let bytes = content;

	while (bytes.length >= 5) {
		const size = bytes.readUInt32BE(1), body = bytes.subarray(5, 5 + size);

		if (seen.fields || body.length < size) break;
		if (bytes[0] === 0x80)
			seen.fields = Object.fromEntries(body.toString().split('\r\n').filter(Boolean).map((line) => line.split(/:(.*)/s).slice(0, 2)));
		else
			seen.sizes.push(payloadSize(body));
		bytes = bytes.subarray(5 + size);
	}
	return {...seen, left: bytes.length};
}

// Each padded piece of base64 by itself.
function fromText(text) {
	return Buffer.concat(text.match(/[^=]+=*/g)?.map((part) => Buffer.from(part, 'base64')) ?? []);
}

function tell(status, type, chunks, isBroken) {
	const content = Buffer.concat(chunks);
	const {sizes, fields, left} = read(/text/.test(type) ? fromText(content.toString()) : content);
	const last = fields ? ['grpc-status', 'grpc-message', 'x-grpc-test-echo-trailing-bin'].map((name) => fields[name]).filter(Boolean).join(' ') : 'no last frame';

	return `${status === 200 ? '' : `${status} `}${type?.replace('application/grpc-', '')} [${sizes}] ${last}${left ? ` and ${left} octets` : ''}${isBroken ? ' broken' : ''}`;
}

function call(text, done) {
	const [version, mode, path, sizes, ...rest] = text.split(' ');
	const options = Object.fromEntries(rest.map((option) => option.split('='))), isText = mode === 'text', chunks = [];
	const headers = {
		'content-type': options.type ?? `application/grpc-web${isText ? '-text' : ''}+proto`,
		'x-grpc-web': '1', 'x-grpc-test-echo-trailing-bin': 'q6ur', ...options.accept && {accept: options.accept},
	};
	let stream;

	if (version === '1') {
		stream = http.request(`${authority}${path}`, {method: 'POST', headers}, (answer) => {
			answer.on('data', (chunk) => chunks.push(chunk));
			answer.on('error', () => {});
			answer.on('close', () => done(tell(answer.statusCode, answer.headers['content-type'], chunks, !answer.complete)));
		});
	} else {
		const session = http2.connect(authority);
		let head = {};

		stream = session.request({':method': 'POST', ':path': path, ...headers});
		stream.on('response', (h) => { head = h; });
		stream.on('data', (chunk) => chunks.push(chunk));
		stream.on('close', () => {
			session.destroy();
			done(tell(head[':status'], head['content-type'], chunks, stream.rstCode !== 0));
		});
	}
	stream.on('error', () => {});
	for (const piece of pieces(requestOf(sizes), Number(options.piece ?? 1000), isText)) stream.write(piece);
	stream.end();
}

function next() {
	const one = cases.shift();

	if (!one) return;
	call(one[1], (got) => {
		if (got !== one[0]) {
			console.error(`${one[1]}: ${got}, not ${one[0]}`);
			process.exitCode = 1;
		}
		next();
	});
}

for (let i = 0; i < 8; i++) next();
