/**
 * The scripted client and the scripted backend talk to each other without a gateway between: what they tell apart (FIN,
 * RST, close_notify) is what every other test relies on.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { testCertificate } from './certificates.ts';
import { ClientData } from './client-data.ts';
import { freePorts } from './free-ports.ts';
import { ScriptedBackend } from './scripted-backend.ts';
import { ScriptedClient } from './scripted-client.ts';
import { codesSeenByCommonsNet, codesSeenByCurl, codesSeenByFileZilla, StrictReplies } from './strict-replies.ts';

async function pair(files: Record<string, string> = {}): Promise<[ScriptedClient, ScriptedBackend]> {
  const backend = await ScriptedBackend.start({ files });
  const client = await ScriptedClient.connect(backend);
  await client.expect(220);
  await client.login();
  return [client, backend];
}

describe('scripted client and scripted backend', () => {
  it('list, download and upload in clear', async () => {
    const [client, backend] = await pair({ '/a.txt': 'hello' });
    expect((await client.download('LIST', { clear: true })).toString()).toMatch(/ 5 Jan 02 03:04 a\.txt\r\n$/);
    expect((await client.download('RETR a.txt', { clear: true })).toString()).toBe('hello');
    await client.upload('STOR b.bin', 'up', { clear: true });
    expect(backend.files.get('/b.bin')?.toString()).toBe('up');
    client.destroy();
    await backend.stop();
  });

  it('the backend tells FIN from RST on an upload', async () => {
    const [client, backend] = await pair();
    for (const [how, expected] of [
      ['end', 'fin'],
      ['reset', 'reset'],
    ] as const) {
      const data = await client.openData();
      await client.command('STOR x', 150);
      await data.startClear().write('some bytes');
      data[how]();
      await client.expect(how === 'end' ? 226 : 426);
      expect(backend.lastSession.lastData.ended).toBe(expected);
    }
    expect(backend.uploads.map(({ complete }) => complete)).toEqual([true, false]);
    client.destroy();
    await backend.stop();
  });

  it.each([
    'TLSv1.2',
    'TLSv1.3',
  ] as const)('the client tells close_notify, FIN and RST apart over %s', async (version) => {
    const { cert, key } = await testCertificate();
    const secureContext = createSecureContext({ cert: await readFile(cert), key: await readFile(key) });
    for (const how of ['close_notify', 'fin', 'reset'] as const) {
      const server = createServer({ allowHalfOpen: true }, (raw) => {
        raw.on('error', () => {});
        const tls = new TLSSocket(raw, { isServer: true, secureContext });
        tls.on('error', () => {});
        tls.write('x'.repeat(50_000), () => {
          if (how === 'close_notify') tls.end();
          else if (how === 'fin') tls.destroy();
          else raw.resetAndDestroy();
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const data = await ClientData.connect({ host: '127.0.0.1', port });
      await data.startTls({ minVersion: version, maxVersion: version }).catch(() => {});
      const { bytes, ending } = await data.readToEnd();
      expect(ending).toBe(how);
      if (how === 'close_notify') expect(bytes).toHaveLength(50_000);
      data.raw.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('free ports', () => {
  it('gives no block twice while it is in use', async () => {
    const blocks = await Promise.all(Array.from({ length: 20 }, () => freePorts(4, ['127.0.0.1'])));
    expect(new Set(blocks.map(({ first }) => first)).size).toBe(20);
    await Promise.all(blocks.map((block) => block.release()));
  });
});

describe('strict replies', () => {
  it.each(['220 ok\n', '2 ok\r\n', '220 a\rb\r\n', '220 a\0b\r\n', '620 ok\r\n'])('refuse %j', (raw) => {
    const replies = new StrictReplies();
    replies.push(Buffer.from(raw));
    expect(() => replies.next()).toThrow();
  });

  it('see several lines as one, and know how clients misread them', () => {
    const raw = '211-a\r\n226 fake\r\n5 files\r\n211 end\r\n';
    const replies = new StrictReplies();
    replies.push(Buffer.from(raw));
    expect(replies.next()).toMatchObject({ code: 211, text: 'end', raw });
    expect(codesSeenByCurl(raw)).toEqual([226, 211]);
    expect(codesSeenByFileZilla('226 a\rfoo\r220 b\r\n')).toEqual([226, 220]);
    expect(codesSeenByCommonsNet('211-a\r\n5 files\r\n211 end\r\n')).toEqual([211, 211]);
  });
});
