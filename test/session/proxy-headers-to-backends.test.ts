/**
 * PROXY headers to a backend that wants them: before the greeting, once, and never on data connections.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type ProxyHeader, ProxyHeaderReader } from '../../src/wire/proxy-header.ts';
import { type ClientName, makeClientCertificates, type ShownCertificate } from '../support/client-certificates.ts';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { type Overrides, startTestGateway, type TestGateway } from '../support/test-gateway.ts';

interface Seen {
  readonly header: ProxyHeader;
  readonly bytes: Buffer;
  readonly from: string | undefined;
}

interface Door {
  readonly port: number;
  readonly seen: Seen[];
  close(): Promise<void>;
}

/** Before a backend: takes the header off each connection, as HAProxy does with accept-proxy. */
async function headerDoor(target: number): Promise<Door> {
  const seen: Seen[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const reader = new ProxyHeaderReader();
    const onward = connect(target, '127.0.0.1');
    const parts: Buffer[] = [];
    for (const each of [socket, onward]) each.on('error', () => {});
    const onData = (chunk: Buffer) => {
      parts.push(chunk);
      const progress = reader.push(chunk);
      if (progress.kind === 'incomplete') return;
      if (progress.kind === 'invalid') return void socket.destroy();
      socket.off('data', onData);
      const bytes = Buffer.concat(parts);
      seen.push({ header: progress.header, bytes: bytes.subarray(0, progress.length), from: socket.remoteAddress });
      if (bytes.length > progress.length) onward.write(bytes.subarray(progress.length));
      socket.pipe(onward);
      onward.pipe(socket);
    };
    socket.on('data', onData);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

async function withHeaders(
  keys: Readonly<Record<string, unknown>>,
  play: (house: { client: ScriptedClient; own: { address: string; port: number }; door: Door }) => Promise<void>,
  { overrides = {}, shown = {} }: { readonly overrides?: Overrides; readonly shown?: Partial<ShownCertificate> } = {},
): Promise<void> {
  const backend = await ScriptedBackend.start({ files: { '/a': 'abc' } });
  const door = await headerDoor(backend.port);
  let house: TestGateway | undefined;
  try {
    house = await startTestGateway({ address: '127.0.0.1', port: door.port }, { ...overrides, backend: keys });
    await house.logs.until({ event: 'backend-availability', availability: 'up' });
    const client = await ScriptedClient.connect(house.doors.explicit);
    await client.expect(220);
    await client.auth('TLS', { servername: 'ftp.example.com', ...shown });
    await client.login();
    await play({ client, own: house.doors.explicit, door });
    client.destroy();
  } finally {
    await house?.stop();
    await door.close();
    await backend.stop();
  }
}

describe.each(['v1', 'v2'] as const)('sendProxy %s', (version) => {
  it('tells the ends of the connection of the client; a health check speaks for the gateway', async () => {
    await withHeaders({ sendProxy: version }, async ({ client, own, door }) => {
      const [probe, session] = [door.seen[0], door.seen.at(-1)];
      expect(probe?.header.source).toBeUndefined();
      if (version === 'v2') expect(probe?.header.command).toBe('local');
      expect(session?.header).toMatchObject({
        version: version === 'v1' ? 1 : 2,
        command: 'proxy',
        source: { address: '127.0.0.1', port: client.socket.localPort },
        destination: own,
      });
    });
  });

  it('data connections have none', async () => {
    await withHeaders({ sendProxy: version }, async ({ client }) => {
      await client.command('PBSZ 0', 200);
      await client.command('PROT P', 200);
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });
});

describe('sendProxy v2', () => {
  it('tells name, TLS version and cipher', async () => {
    await withHeaders({ sendProxy: 'v2' }, async ({ door }) => {
      const text = door.seen.at(-1)?.bytes.toString('latin1');
      for (const part of ['ftp.example.com', 'TLSv1.3', 'TLS_AES_']) expect(text).toContain(part);
    });
  });
});

describe('sendProxy v2 and a certificate of the client', () => {
  /** The TLV about TLS: flags and result of the verification, and the common name where there is one. */
  async function told(
    name: ClientName | undefined,
  ): Promise<{ readonly flags: number; readonly verify: number; readonly name?: string }> {
    const made = await makeClientCertificates();
    const overrides = { tls: { clientCertificates: { mode: 'request', ca: made.ca } } };
    const seen: Buffer[] = [];
    try {
      const shown = name === undefined ? {} : made.clients[name];
      const keep = async ({ door }: { door: Door }) => void seen.push(door.seen.at(-1)?.bytes ?? Buffer.alloc(0));
      await withHeaders({ sendProxy: 'v2' }, keep, { overrides, shown });
    } finally {
      await made.remove();
    }
    // Behind the fixed part and the ends of a TCP connection over IPv4.
    const tls = tlvsOf((seen[0] ?? Buffer.alloc(0)).subarray(28)).get(0x20);
    if (tls === undefined) throw new Error('nothing is said about TLS');
    const commonName = tlvsOf(tls.subarray(5)).get(0x22)?.toString();
    return {
      flags: tls.readUInt8(0),
      verify: tls.readUInt32BE(1),
      ...(commonName !== undefined && { name: commonName }),
    };
  }

  it('tells that it was shown and is valid, and its common name', async () => {
    expect(await told('alice')).toEqual({ flags: 0x07, verify: 0, name: 'alice' });
  });

  it('tells the same of one without a common name', async () => {
    expect(await told('nameless')).toEqual({ flags: 0x07, verify: 0 });
  });

  it('tells that none was shown, and that nothing was verified', async () => {
    expect(await told(undefined)).toEqual({ flags: 0x01, verify: 1 });
  });
});

/** Type, length in 16 bits, value (proxy-protocol.txt §2.2). */
function tlvsOf(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    found.set(bytes.readUInt8(at), bytes.subarray(at + 3, end));
    at = end;
  }
  return found;
}

describe('sourceAddress', () => {
  it('is where the connections to the backend come from', async () => {
    await withHeaders({ sendProxy: 'v1', sourceAddress: '127.0.0.9' }, async ({ door }) => {
      expect(door.seen.map(({ from }) => from)).toEqual(door.seen.map(() => '127.0.0.9'));
    });
  });
});
