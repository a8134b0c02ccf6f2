# SPDX-License-Identifier: BSD-3-Clause
"""The messages of grpc.testing and grpc.health.v1 without a compiler for them: a message is a dictionary of field numbers, a field a
number (varint) or bytes, or a list of these."""


def _varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def encode(fields):
    out = bytearray()
    for number, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, int):
                out += _varint(number << 3) + _varint(value)
            else:
                out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return bytes(out)


def _read_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return n, at


def decode(data):
    """All values of each field, in lists."""
    fields, at = {}, 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        value, at = _read_varint(data, at)
        if tag & 7 == 2:
            size = value
            value, at = data[at : at + size], at + size
            if len(value) != size:
                raise ValueError("cut short")
        elif tag & 7:
            raise ValueError(f"wire type {tag & 7}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def first(fields, number, otherwise):
    return fields[number][0] if number in fields else otherwise


def payload(size):
    """grpc.testing.Payload of zeros."""
    return encode({2: bytes(size)})


def payload_size(message, number=1):
    return len(first(decode(first(decode(message), number, b"")), 2, b""))
