// SPDX-License-Identifier: BSD-3-Clause
// grpc_quick.js PORT...: on each port a gRPC backend by bare HTTP/2 that sends each call's content back, and says in x-server who it is.
'use strict';
const http2 = require('node:http2');

for (const port of process.argv.slice(2)) {
	const head = {':status': 200, 'content-type': 'application/grpc', 'x-server': port};

	http2.createServer().on('stream', (stream) => {
		stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0'}));
		stream.on('error', () => {});
		stream.respond(head, {waitForTrailers: true});
		stream.pipe(stream);
	}).listen(Number(port), '127.0.0.1');
}
