/**
 * Appending lines to files that fail: full devices, named pipes that nobody reads, files that were cut short.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppendLog } from '../../../src/observe/audit/append-log.ts';

let folder: string;
const opened: AppendLog[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-append-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((log) => log.close()));
  rmSync(folder, { recursive: true });
});

/** A log, with what it told. */
function open(path: string) {
  const told: string[] = [];
  const lines = { written: 0, delayed: 0, lost: 0 };
  const log = new AppendLog({
    path,
    lostLine: (count) => `${count} lost\n`,
    onLines: (outcome, count) => {
      lines[outcome] += count;
    },
    onFailing: ({ message }) => told.push(`failing: ${message.split(':')[0]}`),
    onOverflow: () => told.push('overflow'),
    onRecovered: (delayed, lost) => told.push(`recovered: ${delayed} delayed, ${lost} lost`),
  });
  opened.push(log);
  return { log, told, lines };
}

/** A named pipe with a reader that reads when it is told. */
function namedPipe() {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const read = (): string => {
    const pieces: Buffer[] = [];
    for (;;) {
      const piece = Buffer.alloc(65_536);
      try {
        const length = readSync(reader, piece);
        if (length === 0) break;
        pieces.push(piece.subarray(0, length));
      } catch {
        break;
      }
    }
    return Buffer.concat(pieces).toString();
  };
  return { path, read, close: () => closeSync(reader) };
}

describe('a file', () => {
  it('has each line at once, and is made for its owner and group only', () => {
    const { log, lines } = open(join(folder, 'log'));
    log.append('one\n');
    expect(log.appendNow('two\n')).toBe(true);
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('one\ntwo\n');
    expect(lines).toEqual({ written: 2, delayed: 0, lost: 0 });
    expect(statSync(join(folder, 'log')).mode & 0o777).toBe(0o640 & ~process.umask());
  });

  it('that ends inside a line gets its end first', () => {
    writeFileSync(join(folder, 'log'), 'whole\nhal');
    open(join(folder, 'log')).log.append('next\n');
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('whole\nhal\nnext\n');
  });

  it('that was renamed is used until it is opened anew', () => {
    const path = join(folder, 'log');
    const { log } = open(path);
    log.append('one\n');
    renameSync(path, `${path}.1`);
    log.append('two\n');
    log.reopen('first\n');
    log.append('three\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\ntwo\n');
    expect(readFileSync(path, 'utf8')).toBe('first\nthree\n');
  });

  it('that cannot be opened anew leaves the old one in use', () => {
    const path = join(folder, 'log');
    const { log } = open(path);
    renameSync(path, `${path}.1`);
    symlinkSync(join(folder, 'none', 'log'), path);
    expect(() => log.reopen(undefined)).toThrow(/ENOENT/);
    log.append('one\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\n');
  });
});

describe('a full device', () => {
  it('makes lines wait, in order, until there is room', async () => {
    const path = join(folder, 'log');
    symlinkSync('/dev/full', path);
    const { log, told, lines } = open(path);
    log.append('one\n');
    log.append('two\n');
    expect(log.appendNow('now or never\n')).toBe(false);
    expect(log.failure).toMatchObject({ code: 'ENOSPC' });
    expect({ waiting: log.waiting, told }).toEqual({ waiting: 2, told: ['failing: ENOSPC'] });
    unlinkSync(path);
    log.reopen('first\n');
    log.append('three\n');
    expect(readFileSync(path, 'utf8')).toBe('first\none\ntwo\nthree\n');
    expect(told).toEqual(['failing: ENOSPC', 'recovered: 2 delayed, 0 lost']);
    expect(lines).toEqual({ written: 1, delayed: 2, lost: 0 });
    expect(log.failure).toBeUndefined();
  });

  it('a line that must be written now and is not leaves nothing behind', async () => {
    const path = join(folder, 'log');
    symlinkSync('/dev/full', path);
    const { log } = open(path);
    expect(log.appendNow('never\n')).toBe(false);
    expect(log.waiting).toBe(0);
    unlinkSync(path);
    log.reopen(undefined);
    expect(log.appendNow('later\n')).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('later\n');
  });

  it('makes only so many lines wait; the rest is counted, and said in its place', async () => {
    const path = join(folder, 'log');
    symlinkSync('/dev/full', path);
    const { log, told, lines } = open(path);
    const long = `${'x'.repeat(2 ** 20)}\n`;
    for (let count = 0; count < 10; count += 1) log.append(long);
    expect(lines.lost).toBe(3);
    log.append('kept\n', 'always');
    unlinkSync(path);
    log.reopen(undefined);
    log.append('after\n');
    const text = readFileSync(path, 'utf8').split('\n');
    expect(text.slice(7)).toEqual(['3 lost', 'kept', 'after', '']);
    expect(told).toEqual(['failing: ENOSPC', 'overflow', 'recovered: 8 delayed, 3 lost']);
  });

  it('until the end: what waits is counted as lost', async () => {
    const path = join(folder, 'log');
    symlinkSync('/dev/full', path);
    const { log, lines } = open(path);
    log.append('one\n');
    expect(await log.close('last\n')).toBe(1);
    expect(lines).toEqual({ written: 0, delayed: 0, lost: 1 });
  });
});

describe('a file that is full after half a line', () => {
  const HALF = 65_536;
  const LINE = `${'z'.repeat(100_000)}\n`;

  /** Another process, whose files have room for {@link HALF} bytes, appends {@link LINE}; `meanwhile` runs before it gets more room. */
  async function halfWritten(meanwhile: (path: string) => void): Promise<string> {
    const path = join(folder, 'log');
    const script = `
      import { AppendLog } from ${JSON.stringify(join(import.meta.dirname, '../../../src/observe/audit/append-log.ts'))};
      process.on('SIGXFSZ', () => {});
      const tell = (what) => process.stdout.write(what + '\\n');
      const log = new AppendLog({
        path: ${JSON.stringify(path)},
        onLines: () => {},
        onOverflow: () => {},
        onFailing: () => tell('failing'),
        onRecovered: () => { tell('recovered'); process.stdin.destroy(); },
      });
      process.stdin.resume();
      log.append('z'.repeat(100_000) + '\\n');
    `;
    const limited = ['-c', 'ulimit -S -f 64; exec "$0" --input-type=module --eval "$1"', process.execPath, script];
    const writer = spawn('bash', limited, { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const [failing] = (await once(writer.stdout, 'data')) as [Buffer];
      expect(failing.toString()).toBe('failing\n');
      expect(statSync(path).size).toBe(HALF);
      meanwhile(path);
      execFileSync('prlimit', ['--pid', String(writer.pid), '--fsize=unlimited:']);
      await once(writer, 'exit');
      return readFileSync(path, 'utf8');
    } finally {
      writer.kill('SIGKILL');
    }
  }

  it('has its other half behind it as soon as there is room', async () => {
    const text = await halfWritten(() => {});
    expect(text === LINE).toBe(true);
  });

  it('has the whole line once more where somebody else wrote behind the half', async () => {
    const text = await halfWritten((path) => appendFileSync(path, ' of somebody else'));
    expect(text === `${LINE.slice(0, HALF)} of somebody else\n${LINE}`).toBe(true);
  });

  it('and is opened anew: the whole line is in the new file', async () => {
    const pipe = namedPipe();
    const { log } = open(pipe.path);
    log.append(LINE);
    unlinkSync(pipe.path);
    log.reopen('first\n');
    expect(pipe.read()).toHaveLength(HALF);
    expect(readFileSync(pipe.path, 'utf8') === `first\n${LINE}`).toBe(true);
    pipe.close();
  });
});

describe('a named pipe', () => {
  it('without a reader cannot be opened, and holds nobody up', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(() => open(join(folder, 'pipe'))).toThrow(/ENXIO/);
  });

  it('whose reader is slow makes lines wait; they come whole and in order', async () => {
    const pipe = namedPipe();
    const { log, told, lines } = open(pipe.path);
    const sent: string[] = [];
    for (let number = 0; number < 100; number += 1) {
      sent.push(`${number} ${'x'.repeat(4000)}\n`);
      log.append(sent.at(-1) ?? '');
    }
    await expect.poll(() => log.failure, { interval: 5 }).toMatchObject({ code: 'EAGAIN' });
    expect(told).toEqual(['failing: EAGAIN']);
    let got = '';
    await expect
      .poll(
        () => {
          got += pipe.read();
          return got.length;
        },
        { interval: 20, timeout: 5000 },
      )
      .toBe(sent.join('').length);
    expect(got).toBe(sent.join(''));
    expect(told).toContainEqual(expect.stringMatching(/^recovered: /));
    expect(lines.written + lines.delayed).toBe(100);
    pipe.close();
  });

  it('that is full for a moment is written again at once, and counts as written', async () => {
    const pipe = namedPipe();
    const { log, told, lines } = open(pipe.path);
    for (let number = 0; number < 20; number += 1) log.append(`${'x'.repeat(4000)}\n`);
    const waiting = log.waiting;
    expect(waiting).toBeGreaterThan(0);
    pipe.read();
    await expect.poll(() => lines.delayed, { interval: 2, timeout: 200 }).toBe(waiting);
    expect({ told, failure: log.failure }).toEqual({ told: [], failure: undefined });
    pipe.close();
  });

  it('takes a line that must be written now as soon as there is room, behind those that wait', () => {
    const pipe = namedPipe();
    const { log } = open(pipe.path);
    for (let number = 0; number < 20; number += 1) log.append(`${'x'.repeat(4000)}\n`);
    expect(log.appendNow('never\n')).toBe(false);
    pipe.read();
    expect(log.appendNow('now\n')).toBe(true);
    expect(log.waiting).toBe(0);
    expect(pipe.read()).toMatch(/^(?:x*\n)+now\n$/);
    pipe.close();
  });

  it('whose reader goes on reading is filled again and again, without long pauses', async () => {
    const pipe = namedPipe();
    const { log, lines } = open(pipe.path);
    for (let number = 0; number < 1000; number += 1) log.append(`${'x'.repeat(4000)}\n`);
    await expect
      .poll(
        () => {
          pipe.read();
          return lines.written + lines.delayed;
        },
        { interval: 2, timeout: 3000 },
      )
      .toBe(1000);
    pipe.close();
  });

  it('whose line went in half comes to its end before the next one', async () => {
    const pipe = namedPipe();
    const { log } = open(pipe.path);
    const long = `${'y'.repeat(100_000)}\n`;
    log.append(long);
    log.append('next\n');
    let got = '';
    await expect
      .poll(
        () => {
          got += pipe.read();
          return got.length;
        },
        { interval: 20, timeout: 5000 },
      )
      .toBe(long.length + 5);
    expect(got).toBe(`${long}next\n`);
    pipe.close();
  });

  it('whose reader is gone makes lines wait for the next reader', async () => {
    const pipe = namedPipe();
    const { log, told } = open(pipe.path);
    pipe.close();
    log.append('one\n');
    expect(told).toEqual(['failing: EPIPE']);
    const reader = openSync(pipe.path, constants.O_RDONLY | constants.O_NONBLOCK);
    await expect.poll(() => told.length, { timeout: 3000 }).toBe(2);
    const piece = Buffer.alloc(100);
    expect(piece.toString('utf8', 0, readSync(reader, piece))).toBe('one\n');
    closeSync(reader);
  });
});
