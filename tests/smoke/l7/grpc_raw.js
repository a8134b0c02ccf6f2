// SPDX-License-Identifier: BSD-3-Clause
// grpc_raw.js HOST:PORT [hold] [size=N] PATH [NAME=VALUE...]: a gRPC call by bare HTTP/2, in clear. Sends a message of N octets (3); with
// `hold` the request does not end. Says in one line what came: head, octets of content, trailers, and a reset if there was one.
'use strict';
const http2 = require('node:http2');

const [target, ...rest] = process.argv.slice(2);
const isHeld = rest[0] === 'hold' && Boolean(rest.shift());
const size = rest[0].startsWith('size=') ? Number(rest.shift().slice(5)) : 3;
const [path, ...fields] = rest;
const session = http2.connect(`http://${target}`);
const said = [];
let length = 0;

const shown = (headers) => ['content-type', 'grpc-status', 'grpc-message', 'x-own', 'x-a-bin']
	.filter((name) => headers[name] !== undefined).map((name) => headers[name]).join(' ');
const stream = session.request({
	':method': 'POST', ':path': path, 'content-type': 'application/grpc+proto', te: 'trailers',
	...Object.fromEntries(fields.map((f) => f.split(/=(.*)/s).slice(0, 2))),
}, {endStream: false});

stream.on('response', (headers, flags) => {
	said.push(`${flags & http2.constants.NGHTTP2_FLAG_END_STREAM ? 'only' : 'head'} ${headers[':status']} ${shown(headers)}`);
});
stream.on('data', (bytes) => { length += bytes.length; });
stream.on('trailers', (headers) => { said.push(`${length} octets, trailers ${shown(headers)}`); });
stream.on('error', () => {});
stream.on('close', () => {
	if (stream.rstCode) said.push(`reset ${stream.rstCode}`);
	console.log(said.join(', '));
	session.destroy();
});
const message = Buffer.alloc(5 + size);
message.writeUInt32BE(size, 1);
stream.write(message);
if (!isHeld) stream.end();
setTimeout(() => {
	console.log('nothing came', said.join(', '));
	process.exit(1);
}, 10000).unref();
