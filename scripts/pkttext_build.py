# SPDX-License-Identifier: BSD-3-Clause
"""Layers to bytes: the encoders behind `pkttext.py compile`. The language is described there."""
import ipaddress
import re
import struct

from pkttext_wire import (DEFAULT_DST, DEFAULT_SRC, ETH_EXPERIMENT, ETH_TYPES, ICMP4_TYPES, ICMP6_TYPES,
                          IP6_NONE, IP_EXPERIMENT, IP_PROTOS, PacketTextError, TCP_FLAGS, add16, inet_sum,
                          pattern, pseudo_header)

DIRECTIVES = ('cut', 'pad')


class Layer:
    """One layer's words: its kind, "A > B" if any, bare words, key=value, and the packet in brackets."""

    def __init__(self, tokens, quoted):
        kind, _, value = tokens[0].partition('=')
        self.kind, self.quoted = kind, quoted
        self.words, self.keys, self.unread = [], {}, set()
        for token in ([value] if value else []) + tokens[1:]:
            name, equals, text = token.partition('=')
            if equals and not token.startswith('"'):
                self.keys[name] = text
                self.unread.add(name)
            else:
                self.words.append(token)

    def take(self, name, default, read):
        self.unread.discard(name)
        if name not in self.keys:
            return default
        try:
            return read(self.keys[name])
        except ValueError as e:
            raise PacketTextError(f'{self.kind}: {name}={self.keys[name]}: {e}') from None

    def number(self, name, default):
        return self.take(name, default, lambda text: int(text, 0))

    def hex(self, name):
        return self.take(name, b'', bytes.fromhex)

    def pair(self, default=None):
        """The two ends of "A > B", taken off the words."""
        if '>' in self.words[:2]:
            if len(self.words) < 3 or self.words[1] != '>':
                raise PacketTextError(f'{self.kind}: "A > B" expected')
            a, b = self.words[0], self.words[2]
            del self.words[:3]
            return a, b
        if default is None:
            raise PacketTextError(f'{self.kind}: "A > B" expected')
        return default

    def flag(self, word):
        if word not in self.words:
            return False
        self.words.remove(word)
        return True

    def finish(self):
        rest = self.words + sorted(self.unread)
        if rest:
            raise PacketTextError(f'{self.kind}: {rest[0]} is not known here')


class Up:
    """What a layer knows of those around it: the addresses for checksums, and who names it."""

    def __init__(self, src=b'', dst=b'', family='eth'):
        self.src, self.dst, self.family = src, dst, family


def checksum(layer, data, at, right=None):
    """Writes the checksum over data (or the given right one) at data[at:at+2], as cksum= has it."""
    if right is None:
        right = inet_sum(data) ^ 0xffff
    value = layer.take('cksum', right, lambda t: add16(right, 1) if t == 'bad' else int(t, 0))
    return data[:at] + struct.pack('!H', value) + data[at + 2:]


def next_number(layer, key, rest, numbers, default):
    implied = numbers.get(rest[0].kind) if rest else None
    return layer.number(key, default if implied is None else implied)


def mac_bytes(text):
    if not re.fullmatch('(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}', text):
        raise PacketTextError(f'{text} is not a MAC address')
    return bytes.fromhex(text.replace(':', ''))


def ip_bytes(text, read):
    try:
        return read(text).packed
    except ValueError as e:
        raise PacketTextError(str(e)) from None


def build_eth(layer, rest, up):
    src, dst = layer.pair((DEFAULT_SRC, DEFAULT_DST))
    number = next_number(layer, 'type', rest, ETH_TYPES, ETH_EXPERIMENT)
    return mac_bytes(dst) + mac_bytes(src) + struct.pack('!H', number) + build(rest, up)


def build_vlan(layer, rest, up):
    tci = int(layer.words.pop(0), 0) | layer.number('prio', 0) << 13
    return struct.pack('!HH', tci, next_number(layer, 'type', rest, ETH_TYPES, ETH_EXPERIMENT)) + build(rest, up)


def read_offset(text):
    """"OFFSET[+]" as (offset in units of 8 bytes, more fragments)."""
    offset = int(text.rstrip('+'), 0)
    if offset % 8:
        raise ValueError('not a multiple of 8')
    return offset // 8, text.endswith('+')


def build_ip4(layer, rest, _):
    src, dst = (ip_bytes(a, ipaddress.IPv4Address) for a in layer.pair())
    body = build(rest, Up(src, dst, 'ip'))
    options = layer.hex('opts')
    options += bytes(-len(options) % 4)
    offset, more = layer.take('frag', (0, False), read_offset)
    fragment = offset | more << 13 | layer.flag('df') << 14
    header = struct.pack('!BBHHHBBH4s4s', layer.number('version', 4) << 4 | layer.number('ihl', 5 + len(options) // 4),
                         layer.number('tos', 0), layer.number('len', 20 + len(options) + len(body)),
                         layer.number('id', 0), fragment, layer.number('ttl', 64),
                         next_number(layer, 'proto', rest, IP_PROTOS, IP_EXPERIMENT), 0, src, dst)
    return checksum(layer, header + options, 10) + body


def build_ip6(layer, rest, _):
    src, dst = (ip_bytes(a, ipaddress.IPv6Address) for a in layer.pair())
    body = build(rest, Up(src, dst, 'ip'))
    first = layer.number('version', 6) << 28 | layer.number('tc', 0) << 20 | layer.number('flow', 0)
    return struct.pack('!IHBB16s16s', first, layer.number('len', len(body)),
                       next_number(layer, 'next', rest, IP_PROTOS, IP6_NONE), layer.number('hlim', 64), src, dst) + body


def pad_options(data):
    """Pad1 or PadN up to a multiple of 8 with the two bytes before."""
    n = -(len(data) + 2) % 8
    return data + (bytes(n) if n < 2 else bytes([1, n - 2]) + bytes(n - 2))


def extension(layer, rest, up, body):
    words = layer.number('len', (len(body) + 2) // 8 - 1)
    return bytes([next_number(layer, 'next', rest, IP_PROTOS, IP6_NONE), words]) + body + build(rest, up)


def build_options(layer, rest, up):
    return extension(layer, rest, up, pad_options(layer.hex('opts')))


def build_routing(layer, rest, up):
    body = bytes([layer.number('type', 0), layer.number('left', 0)]) + (layer.hex('opts') or bytes(4))
    return extension(layer, rest, up, body + bytes(-(len(body) + 2) % 8))


def build_frag6(layer, rest, up):
    offset, more = layer.take('off', (0, False), read_offset)
    number = next_number(layer, 'next', rest, IP_PROTOS, IP6_NONE)
    return struct.pack('!BBHI', number, 0, offset << 3 | more, layer.number('id', 0)) + build(rest, up)


def build_auth(layer, rest, up):
    icv = layer.hex('icv') or bytes(12)
    words = layer.number('len', (12 + len(icv)) // 4 - 2)  # RFC 4302 2.2
    number = next_number(layer, 'next', rest, IP_PROTOS, IP6_NONE)
    return struct.pack('!BBHII', number, words, 0, 0, 0) + icv + build(rest, up)


def layer4_sum(layer, up, proto, segment, at, zero=0):
    """Fills in the checksum of a layer with a pseudo-header; `zero`: what a sum of 0 is sent as."""
    right = inet_sum(pseudo_header(up.src, up.dst, proto, len(segment)) + segment) ^ 0xffff
    return checksum(layer, segment, at, right or zero)


def build_tcp(layer, rest, up):
    sport, dport = (int(p, 0) for p in layer.pair())
    word = layer.words.pop(0) if layer.words else ''
    if word != 'none' and (not word or set(word) - set(TCP_FLAGS)):
        raise PacketTextError(f'tcp: flags expected, letters of {TCP_FLAGS} or "none"')
    flags = sum(1 << TCP_FLAGS.index(f) for f in set(word)) if word != 'none' else 0
    options = layer.hex('opts')
    options += bytes(-len(options) % 4)
    header = struct.pack('!HHIIBBHHH', sport, dport, layer.number('seq', 0), layer.number('ack', 0),
                         layer.number('off', 5 + len(options) // 4) << 4, flags, layer.number('win', 65535), 0,
                         layer.number('urg', 0))
    return layer4_sum(layer, up, 6, header + options + build(rest, up), 16)


def build_udp(layer, rest, up):
    sport, dport = (int(p, 0) for p in layer.pair())
    body = build(rest, up)
    length = layer.number('len', 8 + len(body))
    segment = struct.pack('!HHHH', sport, dport, length, 0) + body
    end = length if 8 <= length <= len(segment) else len(segment)  # what lies behind is not UDP's
    return layer4_sum(layer, up, 17, segment[:end], 6, 0xffff) + segment[end:]


def icmp_rest(layer, is6):
    """Bytes 4..7: id and sequence number, or MTU, or pointer."""
    rest = layer.number('id', 0) << 16 | layer.number('seq', 0) | layer.number('mtu', 0)
    rest |= layer.number('ptr', 0) << (0 if is6 else 24)
    return layer.number('rest', rest)


def build_icmp(layer, rest, up):
    is6 = layer.kind == 'icmp6'
    name = layer.words.pop(0) if layer.words else ''
    number = (ICMP6_TYPES if is6 else ICMP4_TYPES).get(name)
    if number is None and not name.isdigit():
        raise PacketTextError(f'{layer.kind}: {name or "nothing"} is not a type')
    body = build_frame(layer.quoted) if layer.quoted else build(rest, up)
    header = struct.pack('!BBHI', int(name) if number is None else number, layer.number('code', 0), 0,
                         icmp_rest(layer, is6))
    if is6:
        return layer4_sum(layer, up, 58, header + body, 2)
    return checksum(layer, header + body, 2)


def build_payload(layer, rest, up):
    n = layer.number('len', None)
    word = layer.words.pop(0) if layer.words else ''
    if n is not None:
        data = pattern(n)
    elif word.startswith('"'):
        data = re.sub(r'\\(.)', r'\1', word[1:-1]).encode()
    else:
        data = bytes.fromhex(word)
    return data + build(rest, up)


# First octets (RFC 9000 17.2); a version negotiation has version 0 and no type.
QUIC_KINDS = {'initial': 0xc0, '0rtt': 0xd0, 'handshake': 0xe0, 'retry': 0xf0, 'negotiation': 0x80}


def build_quic(layer, rest, up):
    kind = layer.words.pop(0) if layer.words else ''
    if kind == 'short':
        return b'\x40' + bytes.fromhex(layer.words.pop(0) if layer.words else '') + build(rest, up)
    if kind not in QUIC_KINDS:
        raise PacketTextError(f'quic: {kind or "nothing"} is not a kind of packet')
    version = layer.number('version', 0 if kind == 'negotiation' else 1)
    dcid, scid = layer.hex('dcid'), layer.hex('scid')
    return struct.pack('!BIB', QUIC_KINDS[kind], version, len(dcid)) + dcid + bytes([len(scid)]) + scid + \
        build(rest, up)


BUILDERS = {'eth': build_eth, 'vlan': build_vlan, 'qinq': build_vlan, 'ip4': build_ip4, 'ip6': build_ip6,
            'hopopts': build_options, 'dstopts': build_options, 'routing': build_routing, 'frag6': build_frag6,
            'auth': build_auth, 'tcp': build_tcp, 'udp': build_udp, 'icmp': build_icmp, 'icmp6': build_icmp,
            'quic': build_quic, 'payload': build_payload, 'raw': build_payload}


def build(layers, up):
    if not layers:
        return b''
    layer = layers[0]
    if layer.kind not in BUILDERS:
        raise PacketTextError(f'{layer.kind} is not a layer')
    data = BUILDERS[layer.kind](layer, layers[1:], up)
    layer.finish()
    return data


def build_frame(texts):
    """The bytes of a packet given as a list of (tokens, quoted packet)."""
    layers = [Layer(tokens, quoted) for tokens, quoted in texts]
    ends = [layer for layer in layers if layer.kind in DIRECTIVES]
    frame = build([layer for layer in layers if layer.kind not in DIRECTIVES], Up())
    for end in ends:
        if end.kind == 'cut':
            if int(end.words[0], 0) > len(frame):
                raise PacketTextError(f'cut={end.words[0]}: the packet has {len(frame)} bytes only')
            frame = frame[:int(end.words[0], 0)]
        elif end.kind == 'pad':
            text = end.words[0]
            frame += bytes.fromhex(text[2:]) if text.startswith('0x') else bytes(int(text))
    return frame
