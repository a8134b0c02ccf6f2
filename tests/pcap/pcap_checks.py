# SPDX-License-Identifier: BSD-3-Clause
"""What is checked beside the cases: an oracle for checksums that we did not write, that every reason of
counters.h is covered, that pkttext loses nothing, and lbreplay's own manners."""
import re
import shutil
import struct
import subprocess

from pcap_case import Result, read_expect
from pkttext import compile_text
from pkttext_show import show
from pkttext_wire import write_pcap

BAD_SUM = re.compile(r'bad cksum|bad udp cksum|bad icmp6 cksum|incorrect|wrong icmp|udp sum !ok|bad hdr')
REASON = re.compile(r'^\s*X\((\w+), (\w+), (FORWARD|PUNT|ANSWER|DROP), "', re.M)
ROW = re.compile(r'^\| `(\w+)` \| .*?`(tests/[^`]+)`', re.M)
LOSSY = re.compile(r'cut=|crc=|(ip[46]|udp) [^/]*\blen=')


# --- tcpdump ---

def tcpdump_complaints(frames, tmp):
    """{index of the frame: what tcpdump -vv says about its checksums}"""
    write_pcap(tmp / 'oracle.pcap', [(0, frame) for frame in frames])
    with open(tmp / 'oracle.pcap', 'rb') as f:  # by stdin: as root, tcpdump gives up the right to open files
        said = subprocess.run(['tcpdump', '-nn', '-vv', '-t', '-#', '-r', '-'], stdin=f, capture_output=True,
                              text=True, check=True).stdout
    complaints, number = {}, 0
    for line in said.splitlines():
        head = re.match(r' *(\d+)  ', line)
        number = int(head[1]) if head and not line.startswith('\t') else number
        if BAD_SUM.search(line):
            complaints[number - 1] = line.strip()
    return complaints


def oracle(results, tmp):
    """tcpdump finds no bad checksum in any output but those that came in bad."""
    result = Result('tcpdump_finds_no_bad_checksum')
    if not shutil.which('tcpdump'):
        result.verdict, result.text = 'skipped', ['tcpdump is not installed']
        return [result]
    sent = [(r.name, frame, show(frame)) for r in results for frame in r.out]
    canary = compile_text('eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 S cksum=bad', 'canary')[0][1]
    complaints = tcpdump_complaints([frame for _, frame, _ in sent] + [canary], tmp)
    if len(sent) not in complaints:
        result.fail('tcpdump did not notice a checksum made bad on purpose: its words have changed')
    for at, said in complaints.items():
        if at < len(sent) and 'cksum=' not in sent[at][2]:
            result.fail(f'{sent[at][0]}: {sent[at][2]}', f'  tcpdump: {said}')
    return [result]


# --- the cases as a whole ---

def mentions(path, name, symbol):
    text = path.read_text() if path.exists() else ''
    return re.search(rf'\b(REASON_{symbol}|{name})\b', text)


def check_reasons(cases, root):
    """Every reason is in some expect.txt, or README.md names the test that has it."""
    result = Result('every_reason_is_covered')
    reasons = {name: symbol for symbol, name, _ in REASON.findall((root / 'l4/model/counters.h').read_text())}
    seen = {line.reason for case in cases for line in read_expect(case / 'expect.txt')[0].values()}
    table = dict(ROW.findall((root / 'tests/pcap/README.md').read_text()))
    reasons.pop('forwarded', None)  # printed as "-"
    for name in sorted(reasons.keys() - seen - table.keys()):
        result.fail(f'{name}: in no expect.txt and not in the table of README.md')
    for name in sorted(seen & table.keys()):
        result.fail(f'{name}: there is a case now, so take it off the table of README.md')
    for name in sorted(table.keys() - reasons.keys()):
        result.fail(f'README.md: there is no reason {name}')
    missing = [f'{test} does not test {name} yet' for name, test in table.items()
               if not mentions(root / test, name, reasons.get(name, ''))]
    if missing and result.verdict == 'passed':
        result.verdict, result.text = 'skipped', missing
    return result


def check_text(cases):
    """Packets to text and back are the same packets; of those that were cut, checksums are not told."""
    result = Result('packet_text_loses_nothing')
    for case in cases:
        if not (case / 'in.txt').exists():
            continue
        for _, frame in compile_text((case / 'in.txt').read_text(), f'{case.name}/in.txt'):
            text = show(frame)
            if not LOSSY.search(text) and compile_text(text, case.name)[0][1] != frame:
                result.fail(f'{case.name}: {text}')
    return result


# --- lbreplay's manners ---

SYN = 'eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 40000 > 80 S'
CONF = '''{
  "flows": 1024,
  "services": [{"name": "web", "address": "203.0.113.10", "port": 80, "protocol": "tcp", "pool": "web"}],
  "pools": [{"name": "web", "backends": [{"name": "web-1", "address": "10.0.0.11", "port": 80}]}]
}'''


class Tool:
    """lbreplay in a folder of its own, with a configuration and a capture of one SYN."""

    def __init__(self, binary, tmp):
        self.binary, self.tmp = binary, tmp
        tmp.mkdir()
        (tmp / 'conf.json').write_text(CONF)
        self.frame = compile_text(SYN, 'SYN')[0][1]
        write_pcap(tmp / 'in.pcap', [(10**9, self.frame)])

    def run(self, *args):
        done = subprocess.run([self.binary, *args], cwd=self.tmp, capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def replay(self, *args, capture='in.pcap'):
        return self.run('-c', 'conf.json', '-r', capture, *args)

    def write(self, name, data):
        (self.tmp / name).write_bytes(data)
        return name


def pcap_bytes(tool, magic='<I', number=0xa1b2c3d4, link=1, caplen=None, length=None):
    """A capture of the SYN with a header of our making."""
    order = magic[0]
    caplen = len(tool.frame) if caplen is None else caplen
    head = struct.pack(order + 'IHHiIII', number, 2, 4, 0, 0, 65535, link)
    record = struct.pack(order + 'IIII', 1, 5, caplen, len(tool.frame) if length is None else length)
    return head + record + tool.frame[:caplen]


def pcapng_bytes(tool):
    """Section header, interface description, enhanced packet (draft-ietf-opsawg-pcapng)."""
    def block(number, body):
        body += bytes(-len(body) % 4)
        return struct.pack('<II', number, len(body) + 12) + body + struct.pack('<I', len(body) + 12)
    packet = struct.pack('<IIIII', 0, 0, 1, len(tool.frame), len(tool.frame)) + tool.frame
    return block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1)) + \
        block(1, struct.pack('<HHI', 1, 0, 65535)) + block(6, packet)


FORWARDED = '1 forward  -         web-1\n'


def check_formats(tool):
    """pcap in both byte orders and precisions, pcapng"""
    captures = {'big': pcap_bytes(tool, '>I'), 'nano': pcap_bytes(tool, number=0xa1b23c4d), 'ng': pcapng_bytes(tool)}
    for name, data in captures.items():
        got = tool.replay(capture=tool.write(name, data))
        if got != (0, FORWARDED, ''):
            yield f'{name}: {got}'


def check_refusals(tool):
    """what cannot be read: exit status 1 and a sentence that names the file"""
    tool.write('bad.json', b'{"services": [{"name": "web", "port": 70000}]}')
    tests = {
        'missing capture': tool.replay(capture='none.pcap'),
        'link type': tool.replay(capture=tool.write('sll.pcap', pcap_bytes(tool, link=113))),
        'no capture': tool.replay(capture=tool.write('text.pcap', b'hello, this is not a capture at all')),
        'broken off': tool.replay(capture=tool.write('short.pcap', pcap_bytes(tool)[:-5])),
        'bad conf': tool.run('-c', 'bad.json', '-r', 'in.pcap'),
        'missing conf': tool.run('-c', 'none.json', '-r', 'in.pcap'),
        'output': tool.replay('-w', 'none/out.pcap'),
        'port': tool.replay('--port', 'none'),
    }
    for name, (status, _, stderr) in tests.items():
        if status != 1 or not re.match(r'lbreplay: \S+: .', stderr):
            yield f'{name}: exit status {status}, {stderr!r}'


def check_usage(tool):
    """wrong usage: exit status 2; --help and --version: 0"""
    wrong = [(), ('-c', 'conf.json'), ('-r', 'in.pcap'), ('-c', 'conf.json', '-r', 'in.pcap', 'more'),
             ('-c', 'conf.json', '-r', 'in.pcap', '--repeat', '0'), ('--nonsense',),
             ('-c', 'conf.json', '-r', '-', '--repeat', '2'), ('-c', 'conf.json', '-r', 'in.pcap', '-w', '-')]
    for args in wrong:
        if tool.run(*args)[0] != 2:
            yield f'{args}: {tool.run(*args)}'
    for args, word in ((('--help',), '--repeat'), (('--version',), 'lbreplay')):
        status, stdout, _ = tool.run(*args)
        if status != 0 or word not in stdout:
            yield f'{args}: {status} {stdout}'


def check_options(tool):
    """-q, --repeat, --trace, --counters, cut captures"""
    if tool.replay('-q') != (0, '', ''):
        yield f'-q: {tool.replay("-q")}'
    lines = tool.replay('--repeat', '3')[1].splitlines()
    if [line.split()[0] for line in lines] != ['1', '2', '3']:
        yield f'--repeat 3: {lines}'
    status, stdout, _ = tool.replay('-t')
    steps = re.findall(r'^    (\w+) ', stdout, re.M)
    if status or not stdout.startswith(FORWARDED) or list(dict.fromkeys(steps)) != \
            ['parse', 'classify', 'select', 'forward']:
        yield f'-t: {stdout}'
    said = tool.replay('--counters')[2].splitlines()
    for line in ('lane 0 rx_packets 1', 'service web forwarded 1', 'backend web/web-1 packets 1',
                 'identity rx_packets 1 = forward 1 + punt 0 + answer 0 + drop 0'):
        if line not in said:
            yield f'--counters: {line} is missing in {said}'
    status, stdout, stderr = tool.replay(capture=tool.write('cut.pcap', pcap_bytes(tool, caplen=40)))
    if (status, stdout) != (0, '1 drop     ip_total_len -\n') or '40 of 54 bytes' not in stderr:
        yield f'cut short: {status} {stdout} {stderr}'


def suite(cases, binaries, tmp):
    """All checks that are not about one case."""
    root = cases[0].parents[2]
    results = [check_reasons(cases, root), check_text(cases)]
    for check in (check_formats, check_refusals, check_usage, check_options):
        result = Result('lbreplay_' + check.__name__.removeprefix('check_'), title=check.__doc__)
        faults = list(check(Tool((binaries / 'lbreplay').resolve(), tmp / check.__name__)))
        results.append(result.fail(*faults) if faults else result)
    return results
