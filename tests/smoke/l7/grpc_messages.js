// SPDX-License-Identifier: BSD-3-Clause
// The messages of grpc.testing and grpc.health.v1 without a compiler for them: a message is an object of field numbers, a field a
// number (varint) or a Buffer, or an array of these. With it the definition of the service for @grpc/grpc-js.
'use strict';

function varint(n) {
	const out = [];

	for (; n > 127; n = Math.floor(n / 128)) out.push(n % 128 + 128);
	out.push(n);
	return Buffer.from(out);
}

function encode(fields) {
	const out = [];

	for (const [number, values] of Object.entries(fields))
		for (const value of Array.isArray(values) ? values : [values])
			if (typeof value === 'number') out.push(varint(number * 8), varint(value));
			else out.push(varint(number * 8 + 2), varint(value.length), value);
	return Buffer.concat(out);
}

function readVarint(data, from) {
	let n = 0, factor = 1, at = from;

	for (;;) {
		const byte = data[at++];

		if (byte === undefined) throw new Error('cut short');
		n += byte % 128 * factor;
		factor *= 128;
		if (byte < 128) return [n, at];
	}
}

// All values of each field, in arrays.
function decode(data) {
	const fields = {};

	for (let at = 0; at < data.length;) {
		let tag, value;

		[tag, at] = readVarint(data, at);
		[value, at] = readVarint(data, at);
		if (tag % 8 === 2) {
			const end = at + value;

			if (end > data.length) throw new Error('cut short');
			value = data.subarray(at, end);
			at = end;
		} else if (tag % 8) {
			throw new Error(`wire type ${tag % 8}`);
		}
		(fields[Math.floor(tag / 8)] ??= []).push(value);
	}
	return fields;
}

const first = (fields, number, otherwise) => fields[number] ? fields[number][0] : otherwise;
// grpc.testing.Payload of zeros.
const payload = (size) => encode({2: Buffer.alloc(size)});
const payloadSize = (message, number = 1) => first(decode(first(decode(message), number, Buffer.alloc(0))), 2, '').length;

const asItIs = (bytes) => bytes;

function method(path, requestStream, responseStream) {
	return {
		path, requestStream, responseStream, requestSerialize: asItIs, requestDeserialize: asItIs,
		responseSerialize: asItIs, responseDeserialize: asItIs,
	};
}

const test = '/grpc.testing.TestService/';
const services = {
	test: {
		emptyCall: method(`${test}EmptyCall`, false, false),
		unaryCall: method(`${test}UnaryCall`, false, false),
		streamingInputCall: method(`${test}StreamingInputCall`, true, false),
		streamingOutputCall: method(`${test}StreamingOutputCall`, false, true),
		fullDuplexCall: method(`${test}FullDuplexCall`, true, true),
	},
	health: {check: method('/grpc.health.v1.Health/Check', false, false)},
	control: {serve: method('/smoke.Control/Serve', false, false)},
	unimplemented: {
		method: method(`${test}UnimplementedCall`, false, false),
		service: method('/grpc.testing.UnimplementedService/UnimplementedCall', false, false),
	},
};

module.exports = {decode, encode, first, payload, payloadSize, services};
