// SPDX-License-Identifier: BSD-3-Clause
// grpc_server.js PORT...: the same as grpc_server.py, on @grpc/grpc-js; it does not print what was cancelled.
'use strict';
const fs = require('node:fs');
const grpc = require('@grpc/grpc-js');
const {decode, encode, first, payload, payloadSize, services} = require('./grpc_messages.js');

const serving = {'': 1};

function echoes(call, port) {
	const initial = new grpc.Metadata(), trailing = new grpc.Metadata();

	initial.set('x-server', String(port));
	for (const value of call.metadata.get('x-grpc-test-echo-initial')) initial.add('x-grpc-test-echo-initial', value);
	for (const value of call.metadata.get('x-grpc-test-echo-trailing-bin')) trailing.add('x-grpc-test-echo-trailing-bin', value);
	call.sendMetadata(initial);
	return trailing;
}

// The status that the request asks for, or nothing.
function wanted(fields) {
	if (!fields[7]) return undefined;
	const status = decode(fields[7][0]);

	return {code: first(status, 1, 0), details: first(status, 2, Buffer.alloc(0)).toString()};
}

// Answers one request of a stream, then does `next`.
function answer(call, request, next) {
	const fields = decode(request), status = wanted(fields), sizes = (fields[2] ?? []).map(decode);

	if (status) {
		call.emit('error', status);
		return;
	}
	const one = () => {
		const parameters = sizes.shift();

		if (!parameters || call.cancelled) {
			next();
			return;
		}
		const write = () => {
			if (call.cancelled) return;
			if (call.write(encode({1: payload(first(parameters, 1, 0))}))) one();
			else call.once('drain', one);
		};
		const delay = first(parameters, 2, 0) / 1000;

		if (delay) setTimeout(write, delay);
		else write();
	};
	one();
}

const implementation = (port) => ({
	emptyCall: (call, done) => done(null, Buffer.alloc(0), echoes(call, port)),
	unaryCall: (call, done) => {
		const trailing = echoes(call, port), fields = decode(call.request), status = wanted(fields);

		if (status) done(status);
		else done(null, encode({1: payload(first(fields, 2, 0))}), trailing);
	},
	streamingInputCall: (call, done) => {
		const trailing = echoes(call, port);
		let size = 0;

		call.on('data', (request) => { size += payloadSize(request); });
		call.on('end', () => done(null, encode({1: size}), trailing));
	},
	streamingOutputCall: (call) => {
		const trailing = echoes(call, port);

		answer(call, call.request, () => call.end(trailing));
	},
	fullDuplexCall: (call) => {
		const trailing = echoes(call, port), requests = [];
		let isBusy = false, isEnded = false;
		const next = () => {
			isBusy = requests.length > 0;
			if (isBusy) answer(call, requests.shift(), next);
			else if (isEnded) call.end(trailing);
		};

		call.on('data', (request) => {
			requests.push(request);
			if (!isBusy) next();
		});
		call.on('end', () => {
			isEnded = true;
			if (!isBusy) next();
		});
	},
});

const health = {
	check: (call, done) => {
		const status = serving[first(decode(call.request), 1, Buffer.alloc(0)).toString()];

		if (status === undefined) done({code: grpc.status.NOT_FOUND, details: 'unknown service'});
		else done(null, encode({1: status}));
	},
};

const control = {
	serve: (call, done) => {
		const [name, how] = call.request.toString().split('=');

		serving[name] = Number(how);
		done(null, Buffer.alloc(0));
	},
};

function credentials() {
	const file = process.env.CERTIFICATE;

	if (!file) return grpc.ServerCredentials.createInsecure();
	return grpc.ServerCredentials.createSsl(null, [{
		cert_chain: fs.readFileSync(file),
		private_key: fs.readFileSync(file.replace('.pem', '.key')),
	}]);
}

for (const port of process.argv.slice(2)) {
	const server = new grpc.Server({'grpc.max_receive_message_length': -1});

	server.addService(services.test, implementation(port));
	server.addService(services.control, control);
	if (!process.env.NO_HEALTH) server.addService(services.health, health);
	server.bindAsync(`127.0.0.1:${port}`, credentials(), (error) => {
		if (error) throw error;
	});
}
