# SPDX-License-Identifier: BSD-3-Clause
"""What the two directions of pkttext share: numbers of protocols, the Internet checksum, capture files.

Shares nothing with l4/, not even an idea of how a checksum is updated: a test that shares the bug
finds nothing.
"""
import struct

ETH_NAMES = {0x0800: 'ip4', 0x86dd: 'ip6', 0x8100: 'vlan', 0x88a8: 'qinq'}
ETH_TYPES = {name: number for number, name in ETH_NAMES.items()}
ETH_EXPERIMENT = 0x88b5  # IEEE 802: local experiments
DEFAULT_SRC = '02:00:00:00:00:01'  # the last router before us
DEFAULT_DST = '02:00:00:00:47:00'  # lbreplay's first port

IP_NAMES = {0: 'hopopts', 1: 'icmp', 4: 'ip4', 6: 'tcp', 17: 'udp', 41: 'ip6', 43: 'routing', 44: 'frag6',
            51: 'auth', 58: 'icmp6', 60: 'dstopts'}
IP_PROTOS = {name: number for number, name in IP_NAMES.items()}
IP_EXPERIMENT = 253  # RFC 3692
IP6_NONE = 59

TCP_FLAGS = 'FSRPAUEC'  # from the lowest bit

ICMP4_TYPES = {'reply': 0, 'unreachable': 3, 'redirect': 5, 'echo': 8, 'exceeded': 11, 'parameter': 12}
ICMP6_TYPES = {'unreachable': 1, 'toobig': 2, 'exceeded': 3, 'parameter': 4, 'echo': 128, 'reply': 129}
# Messages that quote the start of a packet.
ICMP4_ERRORS = (3, 5, 11, 12)
ICMP6_ERRORS = (1, 2, 3, 4)


class PacketTextError(Exception):
    """What is wrong with a line, for whoever wrote it."""


def add16(a, b):
    """Ones' complement sum of two 16-bit numbers (RFC 1071)."""
    total = a + b
    return (total & 0xffff) + (total >> 16)


def inet_sum(data):
    """Ones' complement sum; 0xffff over data that hold their right checksum."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def pseudo_header(src, dst, proto, length):
    """RFC 9293 3.1 and RFC 8200 8.1; by the addresses' length."""
    if len(src) == 4:
        return src + dst + struct.pack('!BBH', 0, proto, length)
    return src + dst + struct.pack('!IHBB', length, 0, 0, proto)


def pattern(n):
    """The bytes of `payload len=n`."""
    return bytes(i & 0xff for i in range(n))


def write_pcap(path, packets):
    """packets: (nanoseconds, frame) in order."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        for ns, frame in packets:
            f.write(struct.pack('<IIII', ns // 10**9, ns % 10**9, len(frame), len(frame)) + frame)


def read_pcap(path):
    """The reverse; micro- and nanoseconds in either byte order."""
    with open(path, 'rb') as f:
        data = f.read()
    formats = {b'\xd4\xc3\xb2\xa1': ('<', 1000), b'\x4d\x3c\xb2\xa1': ('<', 1),
               b'\xa1\xb2\xc3\xd4': ('>', 1000), b'\xa1\xb2\x3c\x4d': ('>', 1)}
    if data[:4] not in formats or len(data) < 24:
        raise PacketTextError(f'{path}: not a pcap file')
    order, unit = formats[data[:4]]
    if struct.unpack_from(order + 'I', data, 20)[0] & 0xffff != 1:
        raise PacketTextError(f'{path}: the link type is not Ethernet')
    packets, at = [], 24
    while at < len(data):
        if len(data) - at < 16:
            raise PacketTextError(f'{path}: ends inside a packet')
        seconds, fraction, caplen, _ = struct.unpack_from(order + 'IIII', data, at)
        at += 16
        if len(data) - at < caplen:
            raise PacketTextError(f'{path}: ends inside a packet')
        packets.append((seconds * 10**9 + fraction * unit, data[at:at + caplen]))
        at += caplen
    return packets
