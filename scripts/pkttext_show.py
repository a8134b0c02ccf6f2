# SPDX-License-Identifier: BSD-3-Clause
"""Bytes to layers: what is behind `pkttext.py text`. Reads any bytes; the language is described there."""
import ipaddress
import struct
import zlib

from pkttext_wire import (ETH_EXPERIMENT, ETH_NAMES, ETH_TYPES, ICMP4_ERRORS, ICMP4_TYPES, ICMP6_ERRORS,
                          ICMP6_TYPES, IP6_NONE, IP_EXPERIMENT, IP_NAMES, TCP_FLAGS, add16, inet_sum, pattern,
                          pseudo_header)

PAYLOAD_SHOWN = 64  # bytes; longer ones are named by their sum
EXTENSIONS = ('hopopts', 'dstopts', 'routing', 'frag6', 'auth')


class Shown:
    """Text so far, and what deeper layers need: the addresses, and whether a header was cut off."""

    def __init__(self):
        self.layers, self.is_cut = [], False
        self.src = self.dst = b''
        self.is_whole = True  # the IP packet ends where it says, so its checksums can be judged

    def header(self, data, size):
        """The first `size` bytes, zeros where the packet ends before them."""
        self.is_cut = self.is_cut or len(data) < size
        return data[:size] + bytes(max(0, size - len(data)))


def mac_text(data):
    return ':'.join(f'{byte:02x}' for byte in data)


def optional(name, value, default, form='{}'):
    return '' if value == default else f' {name}=' + form.format(value)


def payload_text(data):
    text = data.decode('latin-1')
    if data == pattern(len(data)):
        return f'payload len={len(data)}'
    if len(data) > PAYLOAD_SHOWN:
        return f'payload len={len(data)} crc={zlib.crc32(data):08x}'
    if all(' ' <= c <= '~' and c not in '"\\' for c in text):
        return f'payload "{text}"'
    return 'payload ' + data.hex()



def show_next(shown, names, number, data):
    """The layer that a number announces; returns its name, '' for payload or none."""
    name = names.get(number, '')
    if name in EXTENSIONS and len(data) < (24 if name == 'auth' else 8):
        name = ''  # less than an encoder would write: as payload
    if name in SHOWERS and data:
        SHOWERS[name](shown, data)
        return name
    if data:
        shown.layers.append(payload_text(data))
    return ''


def show_eth(shown, data):
    head = shown.header(data, 14)
    at, number = len(shown.layers), struct.unpack('!H', head[12:14])[0]
    shown.layers.append('')
    name = show_next(shown, ETH_NAMES, number, data[14:])
    shown.layers[at] = f'eth {mac_text(head[6:12])} > {mac_text(head[:6])}' + \
        optional('type', number, ETH_TYPES.get(name, ETH_EXPERIMENT), '0x{:04x}')


def show_tag(shown, data, kind):
    tci, number = struct.unpack('!HH', shown.header(data, 4))
    at = len(shown.layers)
    shown.layers.append('')
    name = show_next(shown, ETH_NAMES, number, data[4:])
    shown.layers[at] = f'{kind} {tci & 0x1fff}' + optional('prio', tci >> 13, 0) + \
        optional('type', number, ETH_TYPES.get(name, ETH_EXPERIMENT), '0x{:04x}')


def show_packet(shown, data, header_len, total):
    """Cuts off what lies behind the packet's own length; returns (body, bytes behind)."""
    end = total if header_len <= total <= len(data) else len(data)
    shown.is_whole = total == end
    return data[header_len:end], data[end:]


def pad_text(trailer):
    if not trailer:
        return []
    return [f'pad={len(trailer)}' if not any(trailer) else f'pad=0x{trailer.hex()}']


def checksum_text(data, at, right_sum):
    """`right_sum`: the sum over everything, 0xffff if the checksum is right."""
    value = struct.unpack('!H', data[at:at + 2])[0]
    if right_sum == 0xffff:
        return ''
    # The sum without the checksum: what the right one would be.
    right = add16(right_sum, value ^ 0xffff) ^ 0xffff
    return ' cksum=bad' if add16(right, 1) == value else f' cksum=0x{value:04x}'


def fragment_text(field):
    text = ' df' if field & 0x4000 else ''
    if field & 0x3fff:
        text += f' frag={(field & 0x1fff) * 8}' + ('+' if field & 0x2000 else '')
    return text


def show_ip4(shown, data):
    head = shown.header(data, 20)
    first, tos, total, ident, fragment, ttl, proto, _ = struct.unpack('!BBHHHBBH', head[:12])
    ihl = first & 15
    size = ihl * 4 if 20 <= ihl * 4 <= len(data) else 20
    options, at = data[20:size], len(shown.layers)
    shown.src, shown.dst = head[12:16], head[16:20]
    body, trailer = show_packet(shown, data, size, total)
    shown.layers.append('')
    is_later = fragment & 0x1fff
    name = show_next(shown, {} if is_later else IP_NAMES, proto, body)
    text = f'ip4 {ipaddress.IPv4Address(head[12:16])} > {ipaddress.IPv4Address(head[16:20])}'
    text += optional('ttl', ttl, 64) + optional('tos', tos, 0) + optional('id', ident, 0) + fragment_text(fragment)
    text += optional('proto', proto, {v: k for k, v in IP_NAMES.items()}.get(name, IP_EXPERIMENT))
    text += optional('opts', options.hex(), '') + optional('version', first >> 4, 4)
    text += optional('ihl', ihl, size // 4) + optional('len', total, size + len(body))
    if not shown.is_cut or len(data) >= size:
        text += checksum_text(head, 10, inet_sum(head + options))
    shown.layers[at] = text
    shown.layers += pad_text(trailer)


def show_ip6(shown, data):
    head = shown.header(data, 40)
    first, length, number, hlim = struct.unpack('!IHBB', head[:8])
    at = len(shown.layers)
    shown.src, shown.dst = head[8:24], head[24:40]
    body, trailer = show_packet(shown, data, 40, 40 + length)
    shown.layers.append('')
    name = show_next(shown, IP_NAMES, number, body)
    text = f'ip6 {ipaddress.IPv6Address(head[8:24])} > {ipaddress.IPv6Address(head[24:40])}'
    text += optional('hlim', hlim, 64) + optional('tc', first >> 20 & 0xff, 0) + optional('flow', first & 0xfffff, 0)
    text += optional('version', first >> 28, 6)
    text += optional('next', number, {v: k for k, v in IP_NAMES.items()}.get(name, IP6_NONE))
    text += optional('len', length, len(body))
    shown.layers[at] = text
    shown.layers += pad_text(trailer)


def show_extension(shown, data, kind):
    number, words = data[:2]
    least = 12 if kind == 'auth' else 8
    size = {'auth': words * 4 + 8, 'frag6': 8}.get(kind, words * 8 + 8)
    said = '' if least <= size <= len(data) else f' len={words}'
    size = min(len(data), 24 if kind == 'auth' else 8) if said else size  # as an encoder would have it
    body = data[2:size]
    at = len(shown.layers)
    shown.layers.append('')
    is_later = kind == 'frag6' and struct.unpack('!H', data[2:4])[0] >> 3
    name = show_next(shown, {} if is_later else IP_NAMES, number, data[size:])
    next_text = optional('next', number, {v: k for k, v in IP_NAMES.items()}.get(name, IP6_NONE))
    shown.layers[at] = kind + extension_text(kind, body) + next_text + said


def extension_text(kind, body):
    if kind == 'frag6':
        offset, ident = struct.unpack('!HI', body[:6])
        return f' off={offset & 0xfff8}' + ('+' if offset & 1 else '') + optional('id', ident, 0)
    if kind == 'routing':
        return f' type={body[0]}' + optional('left', body[1], 0) + optional('opts', body[2:].hex(), bytes(4).hex())
    if kind == 'auth':
        return optional('icv', body[10:].hex(), bytes(12).hex())
    return optional('opts', body.hex(), '010400000000')


def layer4_checksum(shown, data, at, proto):
    """What to say of a checksum with pseudo-header; nothing where the packet is not all there."""
    if not shown.is_whole or len(data) < at + 2:
        return ''
    return checksum_text(data, at, inet_sum(pseudo_header(shown.src, shown.dst, proto, len(data)) + data))


def show_tcp(shown, data):
    head = shown.header(data, 20)
    sport, dport, seq, ack, offset, flags, win, _, urg = struct.unpack('!HHIIBBHHH', head)
    size = (offset >> 4) * 4
    is_sane = 20 <= size <= len(data)
    options = data[20:size] if is_sane else b''
    names = ''.join(name for i, name in enumerate(TCP_FLAGS) if flags >> i & 1) or 'none'
    text = f'tcp {sport} > {dport} {names}' + optional('seq', seq, 0) + optional('ack', ack, 0)
    if len(data) >= 20:
        text += optional('win', win, 65535) + optional('urg', urg, 0) + optional('opts', options.hex(), '')
        text += optional('off', offset >> 4, 5 + len(options) // 4)
        text += layer4_checksum(shown, data, 16, 6)
    shown.layers.append(text)
    rest = data[20 + len(options):]
    if rest:
        shown.layers.append(payload_text(rest))


def show_udp(shown, data):
    sport, dport, length, value = struct.unpack('!HHHH', shown.header(data, 8))
    text = f'udp {sport} > {dport}' + (optional('len', length, len(data)) if len(data) >= 8 else '')
    if value == 0 and len(data) >= 8:
        text += ' cksum=0'
    elif 8 <= length <= len(data):
        text += layer4_checksum(shown, data[:length], 6, 17)
    shown.layers.append(text)
    if data[8:]:
        shown.layers.append(payload_text(data[8:]))


def icmp_rest_text(kind, number, code, rest):
    is_echo = number in ((128, 129) if kind == 'icmp6' else (0, 8))
    if is_echo:
        return f' id={rest >> 16} seq={rest & 0xffff}'
    if (kind, number) == ('icmp6', 2) or (kind, number, code) == ('icmp', 3, 4) and rest < 1 << 16:
        return f' mtu={rest}'
    return optional('rest', rest, 0, '0x{:08x}')


def show_icmp(shown, data, kind):
    number, code, _, rest = struct.unpack('!BBHI', shown.header(data, 8))
    names = {v: k for k, v in (ICMP6_TYPES if kind == 'icmp6' else ICMP4_TYPES).items()}
    text = f'{kind} {names.get(number, number)}' + optional('code', code, 0) + icmp_rest_text(kind, number, code, rest)
    if kind == 'icmp6':
        text += layer4_checksum(shown, data, 2, 58)
    elif shown.is_whole and len(data) >= 8:
        text += checksum_text(data, 2, inet_sum(data))
    body = data[8:]
    if body and number in (ICMP6_ERRORS if kind == 'icmp6' else ICMP4_ERRORS):
        text += f' [ {show_quoted(body, kind)} ]'
    shown.layers.append(text)
    if body and not text.endswith(']'):
        shown.layers.append(payload_text(body))


def show_quoted(data, kind):
    inner = Shown()
    (show_ip6 if kind == 'icmp6' else show_ip4)(inner, data)
    return ' / '.join(inner.layers + ([f'cut={len(data)}'] if inner.is_cut else []))


SHOWERS = {
    'ip4': show_ip4, 'ip6': show_ip6, 'tcp': show_tcp, 'udp': show_udp,
    'vlan': lambda shown, data: show_tag(shown, data, 'vlan'),
    'qinq': lambda shown, data: show_tag(shown, data, 'qinq'),
    'icmp': lambda shown, data: show_icmp(shown, data, 'icmp'),
    'icmp6': lambda shown, data: show_icmp(shown, data, 'icmp6'),
    'hopopts': lambda shown, data: show_extension(shown, data, 'hopopts'),
    'dstopts': lambda shown, data: show_extension(shown, data, 'dstopts'),
    'routing': lambda shown, data: show_extension(shown, data, 'routing'),
    'frag6': lambda shown, data: show_extension(shown, data, 'frag6'),
    'auth': lambda shown, data: show_extension(shown, data, 'auth'),
}


def show(frame):
    """A frame as one line of text."""
    shown = Shown()
    show_eth(shown, frame)
    return ' / '.join(shown.layers + ([f'cut={len(frame)}'] if shown.is_cut else []))
