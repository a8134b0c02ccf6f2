# SPDX-License-Identifier: BSD-3-Clause
"""One case: packets in, lbreplay (and lb4d), verdicts and packets out, compared with expect.txt."""
import json
import re
import subprocess
from dataclasses import dataclass, field

from pkttext import compile_text
from pkttext_show import show
from pkttext_wire import PacketTextError, read_pcap, write_pcap

ANY = '?'  # instead of a verdict: whatever it was
LINE = re.compile(r'(\d+)(?:-(\d+))?\s+(\w+|\?)\s+(\S+)\s+(\S+)\s*(.*)')
SANITIZERS = re.compile(r'Sanitizer|runtime error:')
LONG_RUN = 8  # --accept writes longer runs of equal verdicts as one line, without packets
TIMEOUT_S = 60


@dataclass
class Result:
    """What came of a case or a check."""
    name: str
    verdict: str = 'passed'  # or 'failed', 'skipped'
    title: str = ''
    text: list = field(default_factory=list)
    path: object = None   # of the case
    tmp: object = None    # its scratch folder: in.pcap, conf.json, out.pcap
    out: list = field(default_factory=list)  # frames that lbreplay sent

    def fail(self, *lines):
        self.verdict = 'failed'
        self.text += lines
        return self


@dataclass
class Line:
    """What happened, or should have, to one packet."""
    verdict: str
    reason: str
    backend: str
    packet: str = ''  # text; in expect.txt: '' = not looked at

    def __str__(self):
        return f'{self.verdict:<8} {self.reason:<9} {self.backend:<6} {self.packet}'.rstrip()


def normal_packet(text):
    """The packet of an expectation as show() would write it; without "eth" if it began without."""
    if not text:
        return ''
    has_eth = text.split()[0] == 'eth'
    try:
        frame = compile_text(text if has_eth else 'eth / ' + text, 'expect.txt')[0][1]
    except PacketTextError:
        return ' '.join(text.split())  # a text that only show() writes, such as a sum
    normal = show(frame)
    return normal if has_eth else normal.partition(' / ')[2]


def read_expect(path):
    """{number: Line}, {number: comments before it}; numbers from 1."""
    lines, comments, pending = {}, {}, []
    for number, text in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        if not text.strip() or text.startswith('#'):
            pending.append(text)
            continue
        match = LINE.fullmatch(text.strip())
        if not match:
            raise PacketTextError(f'expect.txt:{number}: not "N verdict reason backend [packet]"')
        first, last = int(match[1]), int(match[2] or match[1])
        comments[first], pending = pending, []
        for n in range(first, last + 1):
            lines[n] = Line(match[3], match[4], match[5], normal_packet(match[6]))
    return lines, comments


def write_expect(path, lines, comments, want):
    """Lines that are not looked at stay so."""
    lines = {n: want[n] if n in want and want[n].verdict == ANY else line for n, line in lines.items()}
    n, text = 1, []
    while n <= len(lines):
        head = str(Line(lines[n].verdict, lines[n].reason, lines[n].backend))
        last = n
        while last < len(lines) and str(lines[last + 1]).startswith(head) and last + 1 not in comments:
            last += 1
        text += comments.get(n, [])
        if last - n >= LONG_RUN:
            text.append(f'{n}-{last} {head}')
            n = last + 1
        else:
            text.append(f'{n} {lines[n]}')
            n += 1
    path.write_text('\n'.join(text) + '\n')


def matches(want, got):
    if want.verdict == ANY:
        return True
    if (want.verdict, want.reason, want.backend) != (got.verdict, got.reason, got.backend):
        return False
    return want.packet in ('', got.packet, got.packet.partition(' / ')[2])


def difference(want, got, packets):
    """What a reader needs to see: the packet, what was expected, what came."""
    text = []
    for n in range(1, max(len(want), len(got), max(want, default=0)) + 1):
        if n in want and n in got and matches(want[n], got[n]):
            continue
        if n <= len(packets):
            text.append(f'packet {n}: {show(packets[n - 1][1])}')
        text.append(f'  expected: {want.get(n, "nothing")}')
        text.append(f'  got:      {got.get(n, "nothing")}')
    return text


def prepare(case, tmp):
    """Writes in.pcap and a conf.json with a small flow table; returns the packets."""
    tmp.mkdir()
    source = case / 'in.txt'
    packets = compile_text(source.read_text(), 'in.txt') if source.exists() else read_pcap(case / 'in.pcap')
    write_pcap(tmp / 'in.pcap', packets)
    conf = json.loads((case / 'conf.json').read_text())
    conf.setdefault('flows', 1024)  # the default's 100 MB would be the longest part of a case
    (tmp / 'conf.json').write_text(json.dumps(conf))
    return packets


def replay(result, args, *options):
    """Runs lbreplay; returns its lines on stdout, or None after noting why not."""
    command = [args.bin / 'lbreplay', '-c', result.tmp / 'conf.json', '-r', result.tmp / 'in.pcap', *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    result.stderr = done.stderr
    if done.returncode != 0 or SANITIZERS.search(done.stderr):
        result.fail(f'lbreplay: exit status {done.returncode}', *done.stderr.splitlines()[:40])
        return None
    return done.stdout.splitlines()


def read_lines(result, stdout):
    """{number: Line} with the packets of out.pcap put where they belong."""
    lines = {}
    result.out = [frame for _, frame in read_pcap(result.tmp / 'out.pcap')]
    unclaimed = list(result.out)
    for text in stdout:
        number, verdict, reason, backend = text.split()
        is_sent = verdict in ('forward', 'answer')
        lines[int(number)] = Line(verdict, reason, backend, show(unclaimed.pop(0)) if is_sent else '')
    if unclaimed:
        result.fail(f'{len(unclaimed)} packets more in the output than forward and answer lines')
    return lines


def check_counters(result):
    """counters.txt, if there is one: lines that --counters must print."""
    path = result.path / 'counters.txt'
    if not path.exists():
        return
    said = set(result.stderr.splitlines())
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith('#') and line.strip() not in said:
            key = line.rpartition(' ')[0]
            got = next((s for s in said if s.startswith(key + ' ')), f'{key}: zero')
            result.fail(f'counters.txt: expected: {line}', f'              got:      {got}')


def check_one_by_one(result, args, stdout):
    """Bursts are an optimisation: packet by packet, the verdicts must be the same."""
    alone = replay(result, args, '--trace')
    if alone is not None and [line for line in alone if not line.startswith(' ')] != stdout:
        result.fail('with --trace, packet by packet, the verdicts differ from those in bursts')


def admit_bug(result):
    """bug.txt, if there is one, says why the case fails until the program is mended."""
    path = result.path / 'bug.txt'
    if not path.exists():
        return result
    if result.verdict == 'passed':
        return result.fail('it passes now: remove bug.txt')
    result.verdict, result.text = 'skipped', path.read_text().splitlines() + result.text
    return result


def run(case, tmp, args):
    result = Result(case.name, path=case, tmp=tmp)
    try:
        result.title = (case / 'about.txt').read_text().splitlines()[0]
        packets = prepare(case, tmp)
        stdout = replay(result, args, '-w', tmp / 'out.pcap', '--counters')
        if stdout is None:
            return result
        got = read_lines(result, stdout)
        want, comments = read_expect(case / 'expect.txt')
        if args.accept:
            write_expect(case / 'expect.txt', got, comments, want)
        else:
            wrong = difference(want, got, packets)
            if wrong:
                result.fail(*wrong)
        check_counters(result)
        check_one_by_one(result, args, stdout)
    except (PacketTextError, OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        result.fail(f'{type(error).__name__}: {error}')
    return admit_bug(result)


def daemon_conf(tmp):
    """The case's configuration on a pcap port, with everything of the machine kept out."""
    conf = json.loads((tmp / 'conf.json').read_text())
    port = {'name': 'pcap', 'mac': '02:00:00:00:47:00', **(conf.get('ports') or [{}])[0]}
    port.update(driver='pcap', rx=str(tmp / 'in.pcap'), tx=str(tmp / 'daemon.pcap'))
    port.pop('device', None)
    conf.update(ports=[port], lanes=[0], hugepages=False, control=str(tmp / 'control.sock'),
                stats=str(tmp / 'stats'))
    path = tmp / 'daemon.json'
    path.write_text(json.dumps(conf))
    return path


def daemon_output(result, case, args):
    """The frames that lb4d sent, or None after noting why not."""
    command = [args.bin / 'lb4d', '-c', daemon_conf(case.tmp), '--once']
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0 or SANITIZERS.search(done.stderr):
        result.fail(f'lb4d: exit status {done.returncode}', *done.stderr.splitlines()[-20:])
        return None
    return [frame for _, frame in read_pcap(case.tmp / 'daemon.pcap')]


def compare_daemon(result, want, got):
    for n in range(max(len(want), len(got or ()))) if got is not None else ():
        sides = [side[n] if n < len(side) else None for side in (want, got)]
        if sides[0] != sides[1]:
            said = [show(frame) if frame else 'nothing' for frame in sides]
            result.fail(f'output {n + 1}: lbreplay: {said[0]}', f'          lb4d:     {said[1]}')


def has_own_time(case):
    """Whether the case's packets come at times of its own: lb4d's clock is real, so it cannot play them."""
    source = case / 'in.txt'
    return source.exists() and re.search(r'^[^#]*\btime[=+]', source.read_text(), re.M) is not None


def run_daemon(case, args):
    """The same packets through the whole lb4d."""
    result = Result(f'{case.name} (lb4d)', title=case.title)
    if case.verdict != 'passed':
        result.verdict, result.text = 'skipped', ['lbreplay is wrong already']
        return result
    try:
        out = daemon_output(result, case, args)
        compare_daemon(result, case.out, out)
    except (PacketTextError, OSError, subprocess.TimeoutExpired) as error:
        result.fail(f'{type(error).__name__}: {error}')
    return result
