/** References to environment variables in text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandEnvironment } from '../../../src/config/expand.ts';

const env = { HOST: 'ftp.example.com', EMPTY: '', PORT: '2121' };

describe('expandEnvironment', () => {
  it.each([
    ['plain text', 'plain text'],
    ['$HOST costs $5', '$HOST costs $5'],
    [`\${HOST}`, 'ftp.example.com'],
    [`\${HOST}:\${PORT}`, 'ftp.example.com:2121'],
    [`\${EMPTY}`, ''],
    [`\${NOPE:-fallback}`, 'fallback'],
    [`\${NOPE:-}`, ''],
    [`\${EMPTY:-fallback}`, 'fallback'],
    [`\${HOST:-fallback}`, 'ftp.example.com'],
    [`\${NOPE:-a:-b c}`, 'a:-b c'],
    [`$\${HOST}`, `\${HOST}`],
    [`$\${HOST} is \${HOST}`, `\${HOST} is ftp.example.com`],
  ])('%j becomes %j', (text, expected) => {
    expect(expandEnvironment(text, env)).toMatchObject({ text: expected, problems: [] });
  });

  it('names a variable that is not set, and what to write', () => {
    const { problems } = expandEnvironment(`\${NOPE} and \${NEITHER}`, env);
    expect(problems).toEqual([
      `the environment variable NOPE is not set; set it, or write \${NOPE:-default}`,
      `the environment variable NEITHER is not set; set it, or write \${NEITHER:-default}`,
    ]);
  });

  it.each([`\${`, `\${HOST`, `\${}`, `\${1ST}`, `\${HO ST}`, `\${HOST-x}`, `\${:-x}`])('refuses %j', (text) => {
    expect(expandEnvironment(text, env).problems).toHaveLength(1);
  });

  it('tells the position of what is malformed, and quotes nothing', () => {
    expect(expandEnvironment(`pw\${S3cret`, env).problems).toEqual([
      `found a malformed \${ at character 3, expected \${NAME} or \${NAME:-default} ($\${ for a literal \${)`,
    ]);
  });

  it('names a variable inside a confidential text only where nothing else stands there', () => {
    expect(expandEnvironment(`pw\${S3cret}`, env, true).problems).toEqual([
      `the environment variable at character 3 is not set; set it, or write \${NAME:-default}`,
    ]);
    expect(expandEnvironment(`\${NOPE}`, env, true).problems.join()).toContain('NOPE');
  });

  it.each([
    [`\${EMPTY}`, ['EMPTY']],
    [`\${NOPE:-}\${EMPTY:-}`, ['NOPE', 'EMPTY']],
    [`\${EMPTY:-x}\${HOST}`, []],
  ])('tells which variables gave nothing: %j', (text, empty) => {
    expect(expandEnvironment(text, env).empty).toEqual(empty);
  });

  it('does not expand what a variable contains', () => {
    expect(expandEnvironment(`\${A}`, { A: `\${B}`, B: 'secret' }).text).toBe(`\${B}`);
  });

  it('leaves text without an opening brace alone', () => {
    const text = fc.string().filter((candidate) => !candidate.includes(`\${`));
    fc.assert(fc.property(text, (given) => expandEnvironment(given, {}).text === given));
  });
});
