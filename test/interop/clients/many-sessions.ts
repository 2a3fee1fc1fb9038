/**
 * Many sessions at the same time of programs that resume the TLS session of their control connection on data connections:
 * each uploads a file of its own and downloads it again, when all of them have logged in. As few processes as the program
 * allows.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'basic-ftp';
import type { Packages } from '../../support/debian-packages.ts';
import { type ProgramResult, runProgram } from '../../support/processes.ts';
import { ScriptedClient } from '../../support/scripted-client.ts';
import type { ClientReply } from '../../support/strict-replies.ts';
import { expectSuccess, type Target } from './client.ts';

/** What one session does: it uploads the local file and downloads it into another one. */
export interface Errand {
  readonly local: string;
  readonly remote: string;
  readonly back: string;
}

/** The moment at which all begin: this file is there, and the promise resolves. */
export interface Start {
  readonly file: string;
  readonly given: Promise<void>;
}

/** Logs in once for each errand, waits for the start, and carries all out at the same time. Rejects when one fails. */
export type ManySessions = (target: Target, errands: readonly Errand[], start: Start) => Promise<void>;

const LIMIT = 60_000;

/** Python's ftplib: a thread for each session. */
export function pythonSessions(packages: Packages): ManySessions {
  return async (target, errands, { file }) => {
    const words = ['-B', join(import.meta.dirname, 'many_sessions.py')];
    const input = JSON.stringify({ target, errands, start: file });
    const options = { env: packages.environment('/nonexistent'), input, limit: LIMIT };
    expectSuccess('Python ftplib', await runProgram(packages.path('usr/bin/python3'), words, options));
  };
}

/** lftp: a process for each session. */
export function lftpSessions(packages: Packages): ManySessions {
  return async (target, errands, { file }) => {
    const { host, port, tls, authority, user, password } = target;
    const script = ({ local, remote, back }: Errand): string[] => [
      'set cmd:fail-exit yes',
      'set net:max-retries 1',
      'set net:timeout 30',
      'set ftp:ssl-force yes',
      'set ftp:ssl-protect-data yes',
      `set ssl:ca-file ${authority}`,
      `set ssl:priority "NORMAL:-VERS-ALL:+VERS-${tls === 'TLSv1.2' ? 'TLS1.2' : 'TLS1.3'}"`,
      `open -u ${user},${password} ftp://${host}:${port}`,
      'quote NOOP',
      `!while [ ! -e ${file} ]; do sleep 0.02; done`,
      `put ${local} -o ${remote}`,
      `get ${remote} -o ${back}`,
      'exit 0',
    ];
    const run = async (errand: Errand): Promise<void> => {
      const input = `${script(errand).join('\n')}\n`;
      const options = { env: packages.environment('/nonexistent'), input, limit: LIMIT };
      expectSuccess('lftp', await runProgram(packages.path('usr/bin/lftp'), ['--norc'], options));
    };
    await Promise.all(errands.map(run));
  };
}

/** basic-ftp: all in this process. */
export const basicFtpSessions: ManySessions = async (target, errands, { given }) => {
  const { host, port, tls, authority, user, password } = target;
  const secureOptions = { ca: await readFile(authority), minVersion: tls, maxVersion: tls };
  const run = async ({ local, remote, back }: Errand): Promise<void> => {
    const client = new Client(LIMIT);
    try {
      await client.access({ host, port, user, password, secure: true, secureOptions });
      await given;
      await client.uploadFrom(local, remote);
      await client.downloadTo(back, remote);
    } finally {
      client.close();
    }
  };
  await Promise.all(errands.map(run));
};

/**
 * `openssl s_client` as the data connection: a process for each, which resumes from a file the TLS session of a scripted
 * control connection.
 */
export function opensslSessions(packages: Packages): ManySessions {
  return async (target, errands, { given }) => {
    const run = async ({ local, remote, back }: Errand): Promise<void> => {
      const client = await logIn(target);
      try {
        await given;
        const saved = `${back}.session`;
        await writeFile(saved, pemOf(client.session));
        const transfer = async (command: string, words: readonly string[], input?: string): Promise<ProgramResult> => {
          client.send('EPSV');
          const [, port] = /\(\|\|\|(\d+)\|\)/.exec((await said(client, 229)).text) ?? [];
          const program = packages.path('usr/bin/openssl');
          const all = ['s_client', '-connect', `${target.host}:${port}`, ...sessionWords(target, saved), ...words];
          const env = packages.environment('/nonexistent');
          const running = runProgram(program, all, { env, limit: LIMIT, ...(input !== undefined && { input }) });
          client.send(command);
          const [result] = await Promise.all([running, said(client, 125, 150)]);
          expectSuccess('openssl s_client', result);
          await said(client, 226);
          return result;
        };
        const content = (await readFile(local)).toString('latin1');
        await transfer(`STOR ${remote}`, ['-no_ign_eof', '-nocommands'], content);
        const { output } = await transfer(`RETR ${remote}`, []);
        await writeFile(back, Buffer.from(output, 'latin1'));
        client.send('QUIT');
        await said(client, 221);
      } finally {
        client.destroy();
      }
    };
    await Promise.all(errands.map(run));
  };
}

async function logIn({ host, port, tls, user, password }: Target): Promise<ScriptedClient> {
  const options = { tls: { minVersion: tls, maxVersion: tls, servername: SERVERNAME } };
  const client = await ScriptedClient.connect({ address: host, port }, options);
  await said(client, 220);
  await client.auth();
  for (const [line, code] of [
    [`USER ${user}`, 331],
    [`PASS ${password}`, 230],
    ['PBSZ 0', 200],
    ['PROT P', 200],
    ['TYPE I', 200],
  ] as const) {
    client.send(line);
    await said(client, code);
  }
  return client;
}

/** The next reply, which must have one of these codes; a machine with a hundred clients may take its time. */
async function said(client: ScriptedClient, ...codes: readonly number[]): Promise<ClientReply> {
  const reply = await client.reply(LIMIT);
  if (!codes.includes(reply.code)) throw new Error(`expected ${codes.join(' or ')}${client.transcript}`);
  return reply;
}

/** A client offers a TLS session only where it would send the same name. */
const SERVERNAME = 'localhost';

function sessionWords({ tls, authority }: Target, saved: string): string[] {
  const version = tls === 'TLSv1.2' ? '-tls1_2' : '-tls1_3';
  const trust = ['-CAfile', authority, '-verify_return_error'];
  return ['-servername', SERVERNAME, version, ...trust, '-sess_in', saved, '-quiet'];
}

/** Version 1, and a version of TLS: the first fields of an SSL_SESSION, behind its tag and its length of two bytes. */
const FIRST_FIELDS = Buffer.from('020101020203', 'hex');

/** A TLS session as `-sess_in` reads it. Node has it as DER, since 24.17 with a header that holds the server name. */
function pemOf(session: Buffer = Buffer.alloc(0)): string {
  const der = session.subarray(session.indexOf(FIRST_FIELDS) - 4);
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  const label = 'SSL SESSION PARAMETERS';
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
