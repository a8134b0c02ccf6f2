// SPDX-License-Identifier: BSD-3-Clause
// ws_server.js PORT: WebSockets by Node's ws. /echo echoes; /flood sends 200 messages of 1 MB, each once the one before has left,
// and counts them on stdout; /stall takes nothing; /close closes with 4001. Says on stdout which pongs and closes came.
'use strict';
const { WebSocketServer } = require('ws');

const big = Buffer.alloc(1000000, 0x5a);

const paths = {
	'/echo': (ws) => ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary })),
	'/flood': (ws) => {
		let n = 0;
		const next = () => {
			console.log(`sent ${n}`);
			if (n++ < 200)
				ws.send(big, { compress: false }, next);
			else
				ws.close(1000);
		};
		next();
	},
	'/stall': (ws) => ws.pause(),
	'/close': (ws) => ws.close(4001, 'enough'),
};

new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: { threshold: 0 } })
	.on('connection', (ws, req) => {
		ws.on('pong', (data) => console.log(`pong ${data}`));
		ws.on('close', (code) => console.log(`closed ${code}`));
		paths[req.url](ws);
	});
