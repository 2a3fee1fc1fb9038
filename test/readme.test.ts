/**
 * The hand-written documents say what is true: links lead somewhere, commands and files exist, the layer table is
 * that of the architecture test, and the lines of the README's first screen work when they are pasted.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../src/errors/errors.ts';
import { METRIC_PREFIX, METRICS } from '../src/observe/metric-table.ts';
import { demoPorts, Running, run } from './cli/run.ts';
import { describeInterop } from './interop/test-bed.ts';

const ROOT = join(import.meta.dirname, '..');
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'certs/README.md', ...markdownIn('docs')];
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });

const { out: help } = await run('--help');

describe.each(DOCUMENTS)('%s', (path) => {
  const text = read(path);

  it('has links that lead to a file, and to a heading in it', () => {
    const broken = linksOf(text).filter(({ target }) => !leadsSomewhere(path, target));
    expect(broken).toEqual([]);
  });

  it('names tests that are there', () => {
    const missing = linksOf(text)
      .filter(({ target }) => /\.test\.ts$/.test(target))
      .filter(({ label, target }) => !label.includes('.test.ts') && !read(join(dirname(path), target)).includes(label));
    expect(missing).toEqual([]);
  });

  it('names source files that are there', () => {
    const named = [...text.matchAll(/(?<![\w./-])(?:src\/)?((?:[a-z-]+\/)*[a-z-]+\.ts)\b/g)].map(
      ([, file = '']) => file,
    );
    const isThere = (file: string) =>
      SOURCES.includes(file) || ['', 'test'].some((folder) => existsSync(join(ROOT, folder, file)));
    expect(named.filter((file) => !isThere(file))).toEqual([]);
  });

  it('names scripts of package.json that are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/\bnpm (?:run (?:-s )?([a-z:]+)|(start|test)\b)/g)].map(
      ([, ran, known]) => ran ?? known,
    );
    expect(named.filter((name) => name === undefined || !(name in scripts))).toEqual([]);
  });

  it('names commands of sallyport that are there', () => {
    const there = [...help.matchAll(/^ {2}([a-z-]+)(?: |$)/gm)].map(([, name]) => name);
    const named = [...text.matchAll(/(?:`sallyport|npm run -s sallyport --) ([a-z-]+)/g)].map(([, name = '']) => name);
    expect(there).toEqual(expect.arrayContaining(['demo', 'serve', 'help']));
    expect(named.filter((name) => !there.includes(name))).toEqual([]);
  });

  it('names metrics that are there', () => {
    const there = Object.keys(METRICS).map((name) => `${METRIC_PREFIX}${name}`);
    const named = [...text.matchAll(/\bsallyport_[a-z_]*[a-z]\b/g)].map(([name]) => name);
    expect(named.filter((name) => !there.includes(name))).toEqual([]);
  });
});

describe('docs/troubleshooting.md', () => {
  const text = read('docs/troubleshooting.md');

  it('quotes what clients are really told', () => {
    const told = Object.values(ERRORS).flatMap(({ reply }) => (reply === null ? [] : [reply.join(' ')]));
    const elsewhere = sourceText();
    const quoted = [...text.matchAll(/`([45]\d\d) ([A-Z][^`]*?)…?`/g)].map(([, code = '', words = '']) => [
      code,
      words,
    ]);
    expect(quoted.length).toBeGreaterThan(15);
    const invented = quoted.filter(
      ([code, words]) =>
        !told.some((reply) => reply.startsWith(`${code} ${words}`)) && !elsewhere.includes(`${code}, '${words}`),
    );
    expect(invented.map((words) => words.join(' '))).toEqual([]);
  });

  it('quotes beside a cause what clients are told because of it', () => {
    const rows = causeRows(text);
    expect(rows.length).toBeGreaterThan(50);
    const wrong = rows.filter(({ quotes, cause }) => {
      const told = ERRORS[cause].reply?.join(' ');
      return told !== undefined && !quotes.some((quote) => told.startsWith(quote));
    });
    expect(wrong).toEqual([]);
  });

  it('leads from every error code to what can be done', () => {
    const unnamed = Object.keys(ERRORS).filter((code) => !text.includes(`\`${code}\``));
    expect(unnamed).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  it('has the layers of the architecture test, in their order', () => {
    const [, table = ''] = /const LAYERS: Layers = \{([\s\S]*?)\};/.exec(read('test/architecture.test.ts')) ?? [];
    const rule = [...table.matchAll(/'([^']+)': (\d+)/g)].map(([, part, layer]) => `${layer} ${part}`);
    const picture = [...read('docs/architecture.md').matchAll(/^\| (\d+) \| `([^`]+)` \|/gm)];
    expect(rule.length).toBeGreaterThan(10);
    expect(picture.map(([, layer, part]) => `${layer} ${part}`)).toEqual(rule);
  });
});

await describeInterop("the lines of the README's first screen", ({ packages, folder }) => {
  let demo: Running;
  let ports: number;
  beforeAll(async () => {
    const { first, args } = await demoPorts();
    ports = first;
    demo = new Running(['demo', ...args], { TMPDIR: folder });
    await demo.until(/The log follows/);
  });
  afterAll(() => demo?.kill());

  it('upload, download and show what was done, pasted as they stand', async () => {
    const [, lines = ''] = /^```sh\n(CA=[\s\S]*?)^```/m.exec(read('README.md')) ?? [];
    // Only the ports differ: those of the README may be taken on this machine.
    const script = lines
      .replaceAll('localhost:2121', `localhost:${ports}`)
      .replaceAll('localhost:9121', `localhost:${ports + 2}`);
    const PATH = `${dirname(packages.path('usr/bin/curl'))}:/usr/bin:/bin`;
    const options = { cwd: folder, env: { ...packages.environment(folder), PATH, TMPDIR: folder }, timeout: 15_000 };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-ec', script], options);
    expect(stdout.split('\n')).toEqual([
      'Hello over TLS.',
      'sallyport_transfers_total{direction="upload",backend="demo",outcome="completed"} 1',
      'sallyport_transfers_total{direction="download",backend="demo",outcome="completed"} 1',
      '',
    ]);
  });

  it('use the ports that the demo has without flags', async () => {
    const { out } = await run('demo', '--help');
    expect(out).toMatch(/--port .*2121/);
    expect(out).toMatch(/--admin-port [\s\S]*?9121/);
  });

  it('leave nothing behind after Ctrl+C', async () => {
    demo.child.kill('SIGINT');
    expect((await demo.ended).code).toBe(0);
    expect((await readdir(folder)).filter((name) => name.startsWith('sallyport-'))).toEqual([]);
  });
});

interface CauseRow {
  /** Codes of replies with the beginning of their text. */
  readonly quotes: readonly string[];
  readonly cause: ErrorCode;
}

/** The error codes in the second column of tables whose first one quotes replies, or says that it is the same as above. */
function causeRows(text: string): readonly CauseRow[] {
  let quotes: readonly string[] = [];
  return text.split('\n').flatMap((line) => {
    const [, seen = '', cause = ''] = /^\| (.*?) \| (.*?) \|/.exec(line) ?? [];
    const quoted = [...seen.matchAll(/`([45]\d\d)(?: ([^`]*?))?…?`/g)].map(
      ([, code, words = '']) => `${code} ${words}`,
    );
    quotes = seen.startsWith('the same') ? [...quotes, ...quoted] : quoted;
    const codes = [...cause.matchAll(/`([a-z-]+)`/g)].flatMap(([, code = '']) => (isErrorCode(code) ? [code] : []));
    return quotes.length === 0 ? [] : codes.map((code) => ({ quotes, cause: code }));
  });
}

function isErrorCode(text: string): text is ErrorCode {
  return text in ERRORS;
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function markdownIn(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => (name.endsWith('.md') ? [`${folder}/${name}`] : []));
}

function sourceText(): string {
  return SOURCES.flatMap((file) => (file.endsWith('.ts') ? [read(`src/${file}`)] : [])).join('\n');
}

interface Link {
  readonly label: string;
  readonly target: string;
}

/** Links to places in this repository. */
function linksOf(text: string): readonly Link[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/\[([^\]]+)\]\(([^)\s]+)\)/g)].flatMap(([, label = '', target = '']) =>
    /^[a-z]+:/.test(target) ? [] : [{ label: label.replaceAll(/\s+/g, ' '), target }],
  );
}

function leadsSomewhere(from: string, target: string): boolean {
  const [file = '', heading] = target.split('#');
  const path = file === '' ? from : join(dirname(from), file);
  if (!existsSync(join(ROOT, path))) return false;
  return heading === undefined || (statSync(join(ROOT, path)).isFile() && anchorsOf(read(path)).includes(heading));
}

/** Anchors as GitHub makes them: lower case, without punctuation, blanks as hyphens. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
