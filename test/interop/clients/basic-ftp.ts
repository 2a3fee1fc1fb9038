/**
 * basic-ftp: all steps in one session, in this process.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { Client } from 'basic-ftp';
import { type ClientProgram, PERFORM_LIMIT, type Step, type Target } from './client.ts';

/** basic-ftp, at the version that the lock file pins. */
export const basicFtp: ClientProgram = {
  name: 'basic-ftp',
  writes: true,
  // 6.2.3 closes such a data connection in the middle of its handshake, before every kind of backend.
  sendsNothing: false,
  keepsSession: true,
  async perform(_packages, target, steps, limit = PERFORM_LIMIT) {
    const client = new Client(limit);
    client.ftp.encoding = 'latin1';
    const said: string[] = [];
    client.ftp.log = (message) => said.push(message);
    client.ftp.verbose = true;
    try {
      await client.access(await accessOptions(target));
      for (const step of steps) await perform(client, step);
    } catch (error) {
      throw new Error(`basic-ftp: ${error}\n${said.join('\n').slice(-4_000)}`, { cause: error });
    } finally {
      client.close();
    }
  },
};

async function accessOptions({ host, port, security, tls, authority, user, password }: Target) {
  const account = { host, port, user, password };
  if (security === 'plain') return { ...account, secure: false };
  const secureOptions = { ca: await readFile(authority), minVersion: tls, maxVersion: tls };
  return { ...account, secure: security === 'implicit' ? ('implicit' as const) : true, secureOptions };
}

async function perform(client: Client, step: Step): Promise<unknown> {
  switch (step.do) {
    case 'list': {
      const names = (await client.list(step.folder)).map((entry) => entry.name);
      return writeFile(step.into, Buffer.from(`${names.join('\n')}\n`, 'latin1'));
    }
    case 'upload':
      return client.uploadFrom(step.local, step.remote);
    case 'download':
      return client.downloadTo(step.local, step.remote);
    case 'rename':
      return client.rename(step.from, step.to);
    case 'delete':
      return client.remove(step.remote);
    case 'make folder':
      return client.send(`MKD ${step.folder}`);
    case 'remove folder':
      return client.send(`RMD ${step.folder}`);
  }
}
