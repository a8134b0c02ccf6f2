#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets from text and text from packets, for tests/pcap.

    pkttext.py compile IN.txt OUT.pcap
    pkttext.py text IN.pcap

One packet a line, its layers from the outside in, separated by " / ":

    eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 40000 > 80 S
    eth / vlan 100 / ip6 2001:db8::7 > 2001:db8::10 / udp 5000 > 53 / payload "hello"
    time=3.5 eth / ip4 198.51.100.7 > 203.0.113.10 ttl=1 cksum=bad / tcp 40000 > 80 SA seq=7

Lengths, next-protocol fields and checksums come out right unless a line says otherwise. Numbers are
decimal or 0x...; HEX is hex digits, two a byte. "#" begins a comment.

    eth [SRC > DST] [type=N]       MACs; default 02:00:00:00:00:01 > 02:00:00:00:47:00 (router > lbreplay)
    vlan ID [prio=N] [type=N]      tag 802.1Q          qinq ID ...   tag 802.1ad
    ip4 SRC > DST [ttl=64] [tos=0] [id=0] [df] [frag=OFFSET[+]] [proto=N] [opts=HEX] [len=N] [ihl=N]
        [version=4] [cksum=bad|N]  OFFSET in bytes, "+": more fragments; opts padded with zeros; len, ihl and
                                   version are written as given
    ip6 SRC > DST [hlim=64] [tc=0] [flow=0] [next=N] [len=N] [version=6]
    hopopts|dstopts [opts=HEX] [next=N] [len=N]        padded as RFC 8200 4.2 has it; len as on the wire
    routing type=N [left=0] [opts=HEX] [next=N] [len=N]
    frag6 off=OFFSET[+] [id=0] [next=N]
    auth [icv=HEX] [next=N] [len=N]
    tcp SPORT > DPORT FLAGS [seq=0] [ack=0] [win=65535] [urg=0] [opts=HEX] [off=N] [cksum=bad|N]
                                   FLAGS: letters of FSRPAUEC, or "none"; off in 32-bit words
    udp SPORT > DPORT [len=N] [cksum=bad|N]            cksum=0: none
    icmp  TYPE [code=0] [id=0] [seq=0] [mtu=N] [ptr=N] [rest=N] [cksum=bad|N] [ [ PACKET ] ]
    icmp6 ...                      TYPE: echo reply unreachable exceeded parameter, redirect (icmp), toobig
                                   (icmp6), or a number; PACKET in brackets: what an error quotes, from its IP
                                   header on
    quic short CID                 a header of QUIC v1; what is behind the CID is for the next layer (payload)
    quic KIND [dcid=HEX] [scid=HEX] [version=N]        KIND: initial 0rtt handshake retry negotiation
    payload HEX | "text" | len=N   len=N: the bytes 00 01 02 ...
    raw HEX                        the same; used for what has no name here

At the end of a packet, in the order written:

    cut=N                          only the first N bytes (inside brackets: of the quoted packet)
    pad=N                          N zero bytes behind; pad=0xHEX: these bytes
    repeat N [FIELD+STEP ...]      N packets; FIELD of the outermost layer that has it (sport dport src dst
                                   smac seq ack id ttl hlim len cut pad) grows by STEP each time, time+S
                                   moves the clock

Before a packet, time=SECONDS says when it comes, counted from the start of the capture; without
it, one microsecond after the packet before. The first comes at 0.

"cksum=bad" is the right checksum plus one (ones' complement), so that an incremental update keeps it
bad in the same way. The text of a packet names only what differs from the defaults above, but always
the MACs; QUIC is payload. A header that a cut leaves incomplete is written as if zeros followed.
"""
import ipaddress
import re
import struct
import sys

from pkttext_build import build_frame
from pkttext_wire import PacketTextError, read_pcap, write_pcap

TOKEN = re.compile(r'\s*(?:(#.*)|("(?:[^"\\]|\\.)*")|([\[\]])|([^\s\[\]"#]+))')
STEP = re.compile(r'([a-z]+)\+([0-9.]+)$')


def tokenize(line):
    at, tokens = 0, []
    line = line.rstrip()
    while at < len(line):
        match = TOKEN.match(line, at)
        if not match:
            raise PacketTextError(f'cannot read {line[at:]}')
        at = match.end()
        if not match.group(1):
            tokens.append(match.group(0).strip())
    return tokens


def split_layers(tokens, depth=0):
    """Takes tokens up to the closing bracket; returns [(tokens, quoted packet or None)]."""
    layers, words, quoted = [], [], None
    while True:
        token = tokens.pop(0) if tokens else None
        if token is None or token in ('/', ']'):
            if not words:
                raise PacketTextError('a layer is missing')
            layers.append((words, quoted))
            words, quoted = [], None
        if token == '[':
            quoted = split_layers(tokens, depth + 1)
        elif token in (None, ']'):
            if (token is None) != (depth == 0):
                raise PacketTextError('brackets do not match')
            return layers
        elif token != '/':
            words.append(token)


PAIRS = {'sport': 1, 'dport': 3, 'src': 1, 'dst': 3, 'smac': 1}
PAIR_LAYERS = {'sport': ('tcp', 'udp'), 'dport': ('tcp', 'udp'), 'src': ('ip4', 'ip6'), 'dst': ('ip4', 'ip6'),
               'smac': ('eth',)}
KEY_LAYERS = {'seq': ('tcp', 'icmp', 'icmp6'), 'ack': ('tcp',), 'id': ('icmp', 'icmp6', 'ip4'), 'ttl': ('ip4',),
              'hlim': ('ip6',), 'len': ('ip4', 'ip6'), 'cut': ('cut',), 'pad': ('pad',)}


def step_value(field, text, by):
    if field == 'smac':
        return (int(text.replace(':', ''), 16) + by).to_bytes(6, 'big').hex(':')
    return str(ipaddress.ip_address(text) + by) if field in ('src', 'dst') else str(int(text, 0) + by)


def step_layer(tokens, field, by):
    """The layer's words with `field` grown; None if it has no such field."""
    kind = tokens[0].partition('=')[0]
    if kind in PAIR_LAYERS.get(field, ()) and '>' in tokens[2:3]:
        at = PAIRS[field]
        return tokens[:at] + [step_value(field, tokens[at], by)] + tokens[at + 1:]
    if kind not in KEY_LAYERS.get(field, ()):
        return None
    old = next((t for t in tokens if t.startswith(field + '=')), None)
    base = int(old.partition('=')[2], 0) if old else {'ttl': 64, 'hlim': 64}.get(field, 0)
    return [t for t in tokens if t != old] + [f'{field}={base + by}']


def step(layers, field, by):
    for i, (tokens, quoted) in enumerate(layers):
        grown = step_layer(tokens, field, by)
        if grown:
            return layers[:i] + [(grown, quoted)] + layers[i + 1:]
    raise PacketTextError(f'repeat: no layer has {field}')


def repeat(layers):
    """Yields (seconds to add or None, layers) for each packet that a line stands for."""
    if layers[-1][0][0] != 'repeat':
        yield None, layers
        return
    words = layers[-1][0][1:]
    steps = [STEP.match(word) for word in words[1:]]
    if not words or not words[0].isdigit() or None in steps:
        raise PacketTextError('repeat: a number and FIELD+STEP expected')
    for n in range(int(words[0])):
        one, seconds = layers[:-1], None
        for field, by in (match.groups() for match in steps):
            if field == 'time':
                seconds = float(by) if n else None
            else:
                one = step(one, field, int(by) * n)
        yield seconds, one


def compile_line(line, now_ns):
    """The packets of one line as (nanoseconds, frame); now_ns: when the one before came, None if none."""
    tokens, packets = tokenize(line), []
    if tokens and tokens[0].startswith('time='):
        now_ns = round(float(tokens.pop(0)[5:]) * 10**9) - 10**3
    elif now_ns is None:
        now_ns = -10**3
    for seconds, layers in repeat(split_layers(tokens)) if tokens else ():
        now_ns += 10**3 if seconds is None else round(seconds * 10**9)
        packets.append((now_ns, build_frame(layers)))
    return packets


def compile_text(text, name):
    """All packets of a text; errors name the line."""
    packets = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            packets += compile_line(line, packets[-1][0] if packets else None)
        except (PacketTextError, ValueError, IndexError, struct.error) as e:
            raise PacketTextError(f'{name}:{number}: {e}') from None
    return packets


def main(argv):
    if len(argv) == 4 and argv[1] == 'compile':
        with open(argv[2], encoding='utf-8') as f:
            write_pcap(argv[3], compile_text(f.read(), argv[2]))
    elif len(argv) == 3 and argv[1] == 'text':
        from pkttext_show import show
        for ns, frame in read_pcap(argv[2]):
            print(f'time={ns / 10**9:.9f}'.rstrip('0').rstrip('.'), show(frame))
    elif argv[1:] in (['--help'], ['-h']):
        print(__doc__.strip())
    else:
        print('usage: pkttext.py compile IN.txt OUT.pcap | text IN.pcap | --help', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv))
    except (PacketTextError, OSError) as error:
        print(f'pkttext.py: {error}', file=sys.stderr)
        sys.exit(1)
