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

  it('prints its version', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it.each([
    [['frobnicate'], 'unknown command'],
    [['serve'], "required option '-c, --config <file>' not specified"],
    [['config-schema', '--frob'], "unknown option '--frob'"],
    [['demo', '--port', '70000'], 'expected a port, 0 to 65535'],
    [['demo', '--passive-ports', '9-1'], 'expected two ports such as 50000-50009'],
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
