// SPDX-License-Identifier: BSD-3-Clause
// ws_client.js URL: messages of all lengths of length to an echo, all sent before the first is awaited; ping and pong; a close with
// 4000. Status 0 if all came back as they were.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const WebSocket = require('ws');

const lengths = [0, 1, 125, 126, 127, 65535, 65536, 1000000];
const messages = lengths.flatMap((n) => [crypto.randomBytes(n), 'ä'.repeat(n / 2)]);
const ws = new WebSocket(process.argv[2], { perMessageDeflate: { threshold: 0 } });
let n = 0;

setTimeout(() => assert.fail(`${n} messages came back in 10 s`), 10000).unref();
ws.on('open', () => {
	assert.match(ws.extensions, /permessage-deflate/);
	messages.forEach((message) => ws.send(message));
});
ws.on('message', (data, isBinary) => {
	assert.ok(Buffer.from(messages[n]).equals(data), `message ${n}`);
	assert.strictEqual(isBinary, typeof messages[n] !== 'string');
	if (++n === messages.length)
		ws.ping('are you there');
});
ws.on('pong', (data) => {
	assert.strictEqual(String(data), 'are you there');
	ws.close(4000, 'bye');
});
ws.on('close', (code) => {
	assert.strictEqual(n, messages.length);
	assert.strictEqual(code, 4000);
});
