/** The command line as such: help, version, wrong use, and the schema. */
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

describe('sallyport', () => {
  it('prints its commands with --help', async () => {
    const { code, out, err } = await run('--help');
    expect(code).toBe(0);
    expect(err).toBe('');
    for (const command of ['demo', 'serve', 'check', 'certs', 'config-schema'])
      expect(out).toContain(`\n  ${command} `);
    expect(out).toContain('Exit codes: 0 fine, 1 failed, 2');
  });

  it.each(['serve', 'check', 'explain'])('marks what %s cannot do without', async (command) => {
    const { out } = await run(command, '--help');
    expect(out).toMatch(new RegExp(`^Usage: sallyport ${command} --config <file> .*\\[options\\]\n`));
    expect(out).toMatch(/-c, --config <file> +configuration file \(required\)\n/);
  });

  it.each([
    'demo',
    'serve',
    'check',
    'explain',
    'certs',
    'config-schema',
  ])('says what %s does, without broken lines', async (command) => {
    const { out } = await run(command, '--help');
    const [, description = ''] = /^Usage: .*\n\n([\s\S]*?)\n\n/.exec(out) ?? [];
    const lines = description.split('\n');
    expect(lines[0]).not.toMatch(/^(Options|Arguments):/);
    // A line is full where the first word of the next one would not have fitted.
    const broken = lines.filter(
      (line, at) => `${line} ${lines[at + 1]?.split(' ')[0]}`.length <= 80 && at + 1 < lines.length,
    );
    expect(broken).toEqual([]);
  });

  it('prints its version', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it.each([
    [['frobnicate'], 'unknown command'],
    [['serve'], "required option '-c, --config <file>' not specified"],
    [['config-schema', '--frob'], "unknown option '--frob'"],
    [['demo', '--port', '70000'], 'expected a port, 0 to 65535'],
    [['demo', '--passive-ports', '9-1'], 'expected two ports such as 21300-21309'],
    [['demo', '--port', '2990'], 'port 2990 is given by --port and --implicit-port'],
    [[], 'Usage: sallyport'],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, out, err } = await run(...args);
    expect(err).toContain(message);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

describe('sallyport config-schema', () => {
  it('prints a JSON Schema of the configuration', async () => {
    const { code, out, err } = await run('config-schema');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const schema = JSON.parse(out);
    expect(schema.type).toBe('object');
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['listeners', 'tls', 'backends']));
  });
});
