// SPDX-License-Identifier: BSD-3-Clause
// grpc_bad.js PORT: a gRPC backend in clear that does what it should not. The path's last part says what, e.g. /bad.Service/Html;
// on stdout: how its streams were cancelled.
'use strict';
const http2 = require('node:http2');

const grpcHead = {':status': 200, 'content-type': 'application/grpc+proto', 'x-own': 'mine'};
const message = Buffer.from([0, 0, 0, 0, 3, 0x12, 1, 0x61]);
const page = (stream, status, type = 'text/html') => {
	stream.respond({':status': status, 'content-type': type});
	stream.end('<p>nothing of gRPC');
};
// A head and a message, then `next`.
const begin = (stream, next) => {
	stream.respond(grpcHead, {waitForTrailers: true});
	stream.write(message, () => setTimeout(next, 20));
};

const doings = {
	Mute: () => {},
	Html: (stream, n) => page(stream, n),
	Plain: (stream) => page(stream, 200, 'text/plain'),
	NoStatus: (stream) => {
		stream.respond(grpcHead);
		stream.end(message);
	},
	BareHead: (stream) => stream.respond(grpcHead, {endStream: true}),
	TrailersOnly: (stream) => stream.respond(
		{...grpcHead, 'grpc-status': '5', 'grpc-message': 'not%20here %E2%98%BA', 'x-a-bin': 'q6ur'}, {endStream: true}),
	StatusWith503: (stream) => stream.respond({...grpcHead, ':status': 503, 'grpc-status': '9'}, {endStream: true}),
	Reset: (stream, n) => stream.close(n),
	ResetLater: (stream, n) => begin(stream, () => stream.close(n)),
	Break: (stream) => stream.session.destroy(),
	BreakLater: (stream) => begin(stream, () => stream.session.destroy()),
	CutMessage: (stream) => {
		stream.respond(grpcHead);
		stream.write(message.subarray(0, 6), () => setTimeout(() => stream.session.destroy(), 20));
	},
	Hang: (stream) => begin(stream, () => console.log('Hang')),
	// Answers all before the request has ended.
	Early: (stream) => {
		stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0', 'x-own': 'trailer'}));
		stream.respond(grpcHead, {waitForTrailers: true});
		stream.end(message);
	},
};

http2.createServer().on('stream', (stream, headers) => {
	const [, , name, n] = headers[':path'].split('/');

	stream.on('error', () => {});
	stream.on('aborted', () => console.log('aborted', name, stream.rstCode));
	stream.resume();
	doings[name](stream, Number(n));
}).on('sessionError', () => {}).listen(Number(process.argv[2]), '127.0.0.1');
