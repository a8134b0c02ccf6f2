// SPDX-License-Identifier: BSD-3-Clause
// grpc_client.js HOST:PORT [CASE...]: the same as grpc_client.py, on @grpc/grpc-js.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const grpc = require('@grpc/grpc-js');
const {decode, encode, first, payload, payloadSize, services} = require('./grpc_messages.js');

const streamRequests = [27182, 8, 1828, 45904], streamAnswers = [31415, 9, 2653, 58979];
const initialName = 'x-grpc-test-echo-initial', trailingName = 'x-grpc-test-echo-trailing-bin';
const special = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

const [target, ...names] = process.argv.slice(2);
const authority = process.env.AUTHORITY;
const credentials = authority ? grpc.credentials.createSsl(fs.readFileSync(authority)) : grpc.credentials.createInsecure();
const channel = {channelOverride: new grpc.Channel(target, credentials, {})};
const client = (service) => new (grpc.makeGenericClientConstructor(service, 'service'))(target, credentials, channel);
const test = client(services.test), unimplemented = client(services.unimplemented);
const soon = (ms = 20000) => ({deadline: Date.now() + ms});

function outputRequest(sizes, {size = 0, intervalUs = 0} = {}) {
	return encode({2: sizes.map((n) => encode({1: n, 2: intervalUs})), 3: payload(size)});
}

// The answer and the metadata of a call with one answer; rejects with its status.
function unary(method, request, metadata = new grpc.Metadata(), options = soon()) {
	return new Promise((resolve, reject) => {
		const seen = {};
		const call = method(request, metadata, options, (error, answer) => {
			if (error) reject(error);
			else seen.answer = answer;
		});

		call.on('metadata', (m) => { seen.initial = m; });
		call.on('status', (status) => {
			seen.trailing = status.metadata;
			resolve(seen);
		});
	});
}

// All sizes that a stream of answers brings, and its metadata; rejects likewise.
function stream(call) {
	return new Promise((resolve, reject) => {
		const seen = {sizes: []};

		call.on('metadata', (m) => { seen.initial = m; });
		call.on('data', (answer) => seen.sizes.push(payloadSize(answer)));
		call.on('error', reject);
		call.on('status', (status) => {
			seen.trailing = status.metadata;
			if (status.code === grpc.status.OK) resolve(seen);
		});
	});
}

const duplex = (options = soon(), metadata = new grpc.Metadata()) => test.fullDuplexCall(metadata, options);

function wholeDuplex(requests, metadata) {
	const call = duplex(soon(), metadata), all = stream(call);

	for (const request of requests) call.write(request);
	call.end();
	return all;
}

async function fails(code, promise, what) {
	const error = await promise.then(() => assert.fail(`${what}: it works`), (e) => e);

	assert.equal(error.code, code, `${what}: ${error.message}`);
	return error;
}

function checkMetadata({initial, trailing}) {
	assert.deepEqual(initial.get(initialName), ['test_initial_metadata_value']);
	assert.deepEqual(trailing.get(trailingName), [Buffer.from([0xab, 0xab, 0xab])]);
}

async function checkStatus(code, message) {
	const request = encode({7: encode({1: code, 2: Buffer.from(message)})});

	assert.equal((await fails(code, unary(test.unaryCall.bind(test), request), 'unary')).details, message);
	assert.equal((await fails(code, wholeDuplex([request]), 'duplex')).details, message);
}

const cases = {
	async empty_unary() {
		assert.equal((await unary(test.emptyCall.bind(test), Buffer.alloc(0))).answer.length, 0);
	},
	async large_unary() {
		const {answer} = await unary(test.unaryCall.bind(test), encode({2: 314159, 3: payload(271828)}));

		assert.equal(payloadSize(answer), 314159);
	},
	async client_streaming() {
		const answer = await new Promise((resolve, reject) => {
			const call = test.streamingInputCall(new grpc.Metadata(), soon(), (error, a) => error ? reject(error) : resolve(a));

			for (const size of streamRequests) call.write(encode({1: payload(size)}));
			call.end();
		});

		assert.equal(first(decode(answer), 1, 0), 74922);
	},
	async server_streaming() {
		const {sizes} = await stream(test.streamingOutputCall(outputRequest(streamAnswers), new grpc.Metadata(), soon()));

		assert.deepEqual(sizes, streamAnswers);
	},
	async ping_pong() {
		const call = duplex(), sizes = [];
		const send = () => {
			const at = sizes.length;

			if (at === streamAnswers.length) call.end();
			else call.write(outputRequest([streamAnswers[at]], {size: streamRequests[at]}));
		};

		call.on('data', (answer) => {
			sizes.push(payloadSize(answer));
			send();
		});
		send();
		await stream(call);
		assert.deepEqual(sizes, streamAnswers);
	},
	async empty_stream() {
		assert.deepEqual((await wholeDuplex([])).sizes, []);
	},
	async half_duplex() {
		const requests = Array(20).fill(outputRequest([100000, 100000], {size: 100000}));

		assert.deepEqual((await wholeDuplex(requests)).sizes, Array(40).fill(100000));
	},
	async custom_metadata() {
		const metadata = new grpc.Metadata();

		metadata.set(initialName, 'test_initial_metadata_value');
		metadata.set(trailingName, Buffer.from([0xab, 0xab, 0xab]));
		checkMetadata(await unary(test.unaryCall.bind(test), encode({2: 314159, 3: payload(271828)}), metadata));
		checkMetadata(await wholeDuplex([outputRequest([314159], {size: 271828})], metadata));
	},
	status_code_and_message: () => checkStatus(grpc.status.UNKNOWN, 'test status message'),
	special_status_message: () => checkStatus(grpc.status.UNKNOWN, special),
	async unimplemented_method() {
		await fails(grpc.status.UNIMPLEMENTED, unary(unimplemented.method.bind(unimplemented), Buffer.alloc(0)), 'call');
	},
	async unimplemented_service() {
		await fails(grpc.status.UNIMPLEMENTED, unary(unimplemented.service.bind(unimplemented), Buffer.alloc(0)), 'call');
	},
	async cancel_after_begin() {
		let call;
		const ended = new Promise((resolve, reject) => {
			call = test.streamingInputCall(new grpc.Metadata(), soon(), (error, a) => error ? reject(error) : resolve(a));
		});

		call.on('metadata', () => call.cancel()); // it has reached the server
		await fails(grpc.status.CANCELLED, ended, 'call');
	},
	async cancel_after_first_response() {
		const call = duplex(), ended = stream(call);

		call.on('data', () => call.cancel());
		call.write(outputRequest([31415], {size: 27182}));
		await fails(grpc.status.CANCELLED, ended, 'call');
	},
	async timeout_on_sleeping_server() {
		for (const ms of [1, 150]) {
			const call = duplex(soon(ms)), ended = stream(call);

			call.write(outputRequest([31415], {size: 27182, intervalUs: 3000000}));
			await fails(grpc.status.DEADLINE_EXCEEDED, ended, `${ms} ms`);
		}
	},
};

async function main() {
	for (const name of names.length ? names : Object.keys(cases))
		await cases[name]().catch((error) => {
			console.error(`${name}: ${error.message}`);
			process.exit(1);
		});
	process.exit(0);
}

main();
