import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ClientHello, type ClientHelloProgress, ClientHelloReader } from '../../../src/wire/client-hello.ts';
import { bytes, cutAt, cuts, feedings, latin1 } from './chunks.ts';
import { type PeerOptions, type Recorded, startPeer } from './real-hellos.ts';

const incomplete = { kind: 'incomplete' };
const notAHello = (problem: string) => ({ kind: 'not-a-hello', problem });

/** What the reader says in the end. */
function feed(chunks: readonly Uint8Array[], maxBytes?: number): ClientHelloProgress {
  const reader = new ClientHelloReader(maxBytes);
  let progress = reader.push(bytes(''));
  for (const chunk of chunks) progress = reader.push(chunk);
  return progress;
}

function helloIn(octets: Buffer): ClientHello {
  const progress = feed([octets]);
  if (progress.kind !== 'hello') throw new Error(`no hello: ${JSON.stringify(progress)}`);
  return progress.hello;
}

/** How many bytes the reader needs to decide. */
function bytesNeeded(octets: Buffer): number {
  const reader = new ClientHelloReader();
  const index = octets.findIndex((octet) => reader.push(Buffer.of(octet)).kind !== 'incomplete');
  return index === -1 ? Number.POSITIVE_INFINITY : index + 1;
}

function everyByte(octets: Buffer): Buffer[] {
  return Array.from(octets, (octet) => Buffer.of(octet));
}

// Hellos made by hand, as Latin-1 text. Lengths fit unless a test breaks them.
const number = (value: number, size: number) =>
  Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex').toString('latin1');
const vector = (size: number, text: string) => number(text.length, size) + text;
const extension = (type: number, data: string) => number(type, 2) + vector(2, data);
const message = (body: string, type = 1) => number(type, 1) + vector(3, body);
const record = (fragment: string, type = 22) => `${number(type, 1)}\x03\x01${vector(2, fragment)}`;

interface Parts {
  readonly sessionId?: string;
  readonly cipherSuites?: string;
  readonly compression?: string;
  /** Undefined: a hello without extensions. */
  readonly extensions?: string | undefined;
  readonly behind?: string;
}

function body({
  sessionId = '',
  cipherSuites = '\x13\x01',
  compression = '\0',
  extensions,
  behind = '',
}: Parts): string {
  const fixed = `\x03\x03${'r'.repeat(32)}${vector(1, sessionId)}${vector(2, cipherSuites)}${vector(1, compression)}`;
  return fixed + (extensions === undefined ? '' : vector(2, extensions)) + behind;
}

const hello = (parts: Parts) => record(message(body(parts)));
const withExtensions = (...extensions: string[]) => hello({ extensions: extensions.join('') });

const TICKET = 'ticket-key-name!and what is encrypted';
const BINDER = vector(1, 'b'.repeat(32));
const preSharedKey = (identities: readonly string[], binders: readonly string[]) =>
  extension(41, vector(2, identities.map((id) => `${vector(2, id)}\0\0\0\0`).join('')) + vector(2, binders.join('')));
const serverName = (...names: string[]) =>
  extension(0, vector(2, names.map((name) => `\0${vector(2, name)}`).join('')));
const alpn = (...names: string[]) => extension(16, vector(2, names.map((name) => vector(1, name)).join('')));
const versions = (...list: number[]) => extension(43, vector(1, list.map((version) => number(version, 2)).join('')));

const nothing = {
  alpn: [],
  servername: undefined,
  versions: [0x0303],
  sessionId: Buffer.alloc(0),
  ticket: undefined,
  identities: [],
  ticketKeyNames: [],
};

const hellos: readonly { name: string; input: string; expected: Partial<ClientHello> }[] = [
  { name: 'no extensions at all', input: hello({}), expected: {} },
  { name: 'an empty list of extensions', input: hello({ extensions: '' }), expected: {} },
  {
    name: 'a session id of 32 bytes',
    input: hello({ sessionId: 's'.repeat(32) }),
    expected: { sessionId: bytes('s'.repeat(32)) },
  },
  { name: 'an empty ticket', input: withExtensions(extension(35, '')), expected: {} },
  {
    name: 'a ticket',
    input: withExtensions(extension(35, TICKET)),
    expected: { ticket: bytes(TICKET), ticketKeyNames: [bytes('ticket-key-name!')] },
  },
  {
    name: 'a ticket that is shorter than the name of a key',
    input: withExtensions(extension(35, 'x'.repeat(15))),
    expected: { ticket: bytes('x'.repeat(15)) },
  },
  {
    name: 'several identities, some short, behind a ticket',
    input: withExtensions(
      extension(35, TICKET),
      preSharedKey(['a'.repeat(16), 'short', 'c'.repeat(40)], [BINDER, BINDER, BINDER]),
    ),
    expected: {
      ticket: bytes(TICKET),
      identities: [bytes('a'.repeat(16)), bytes('short'), bytes('c'.repeat(40))],
      ticketKeyNames: [bytes('ticket-key-name!'), bytes('a'.repeat(16)), bytes('c'.repeat(16))],
    },
  },
  {
    name: 'versions without GREASE',
    input: withExtensions(versions(0x7a7a, 0x0304, 0x0303, 0xfafa)),
    expected: { versions: [0x0304, 0x0303] },
  },
  {
    name: 'versions that only look like GREASE',
    input: withExtensions(versions(0x0a1a, 0x7f1c)),
    expected: { versions: [0x0a1a, 0x7f1c] },
  },
  {
    name: 'a server name',
    input: withExtensions(serverName('Files.Example')),
    expected: { servername: 'Files.Example' },
  },
  {
    name: 'a server name behind one of an unknown type',
    input: withExtensions(extension(0, vector(2, `\x07${vector(2, 'x')}\0${vector(2, 'a.example')}`))),
    expected: { servername: 'a.example' },
  },
  { name: 'protocols', input: withExtensions(alpn('ftp', 'x\xff')), expected: { alpn: ['ftp', 'x\xff'] } },
  { name: 'unknown extensions', input: withExtensions(extension(0x1a1a, ''), extension(65_000, 'x')), expected: {} },
  { name: 'a second message in the record', input: record(message(body({})) + message('', 20)), expected: {} },
  { name: 'a record behind it', input: hello({}) + record('\x01', 20), expected: {} },
  { name: 'clear text behind it', input: `${hello({})}USER joe\r\n`, expected: {} },
  {
    name: 'two records, cut inside the message header',
    input: record(message(body({})).slice(0, 2)) + record(message(body({})).slice(2)),
    expected: {},
  },
  {
    name: 'a record for each byte',
    input: Array.from(message(body({})), (octet) => record(octet)).join(''),
    expected: {},
  },
];

const others: readonly { name: string; input: string; expected: unknown }[] = [
  { name: 'nothing', input: '', expected: incomplete },
  { name: 'half a record header', input: '\x16\x03\x01', expected: incomplete },
  { name: 'a record header', input: '\x16\x03\x01\x02\0', expected: incomplete },
  { name: 'all but the last byte', input: hello({}).slice(0, -1), expected: incomplete },
  { name: 'a message that needs another record', input: record(message(body({})).slice(0, 9)), expected: incomplete },

  { name: 'T023 FTP', input: 'USER joe\r\n', expected: notAHello('not-a-handshake') },
  { name: 'HTTP', input: 'GET / HTTP/1.1\r\n', expected: notAHello('not-a-handshake') },
  { name: 'an SSL 2 hello', input: '\x80\x2e\x01\x03\x03\0\x15\0\0\0\x10', expected: notAHello('not-a-handshake') },
  { name: 'an alert', input: '\x15\x03\x01\0\x02\x02\x28', expected: notAHello('not-a-handshake') },
  { name: 'application data', input: record('hello', 23), expected: notAHello('not-a-handshake') },
  { name: 'another major version', input: '\x16\x02\0\0\x05', expected: notAHello('not-a-handshake') },
  { name: 'an empty record', input: record('') + hello({}), expected: notAHello('not-a-handshake') },
  { name: 'a record of more than 16 KiB', input: '\x16\x03\x01\x40\x01', expected: notAHello('not-a-handshake') },
  {
    name: 'an alert between its records',
    input: `${record(message(body({})).slice(0, 9))}\x15\x03\x01\0\x02\x02\x28`,
    expected: notAHello('not-a-handshake'),
  },
  {
    name: 'clear text between its records',
    input: `${record(message(body({})).slice(0, 9))}USER`,
    expected: notAHello('not-a-handshake'),
  },
  { name: 'a hello of the other side', input: record(message(body({}), 2)), expected: notAHello('not-a-client-hello') },
  { name: 'a request for a hello', input: record(message('', 0)), expected: notAHello('not-a-client-hello') },
  { name: 'a message of 16 MiB', input: record('\x01\xff\xff\xff'), expected: notAHello('too-long') },

  { name: 'an empty message', input: record(message('')), expected: notAHello('malformed') },
  { name: 'half a message', input: record(message(body({}).slice(0, 20))), expected: notAHello('malformed') },
  { name: 'a session id of 33 bytes', input: hello({ sessionId: 's'.repeat(33) }), expected: notAHello('malformed') },
  { name: 'no cipher suites', input: hello({ cipherSuites: '' }), expected: notAHello('malformed') },
  { name: 'half a cipher suite', input: hello({ cipherSuites: 'abc' }), expected: notAHello('malformed') },
  { name: 'no compression method', input: hello({ compression: '' }), expected: notAHello('malformed') },
  {
    name: 'something behind the extensions',
    input: hello({ extensions: '', behind: 'x' }),
    expected: notAHello('malformed'),
  },
  { name: 'half a length of extensions', input: hello({ behind: '\0' }), expected: notAHello('malformed') },
  { name: 'extensions that lie', input: hello({ behind: '\0\x09' }), expected: notAHello('malformed') },
  { name: 'half an extension', input: withExtensions('\0\x23\0'), expected: notAHello('malformed') },
  { name: 'an extension that lies', input: withExtensions('\0\x23\0\x05x'), expected: notAHello('malformed') },
  {
    name: 'a ticket twice',
    input: withExtensions(extension(35, 'a'), extension(35, 'b')),
    expected: notAHello('malformed'),
  },
  {
    name: 'an extension behind pre_shared_key',
    input: withExtensions(preSharedKey(['a'], [BINDER]), extension(35, TICKET)),
    expected: notAHello('malformed'),
  },
  { name: 'no identity', input: withExtensions(preSharedKey([], [])), expected: notAHello('malformed') },
  { name: 'an empty identity', input: withExtensions(preSharedKey([''], [BINDER])), expected: notAHello('malformed') },
  {
    name: 'a binder too few',
    input: withExtensions(preSharedKey(['a', 'b'], [BINDER])),
    expected: notAHello('malformed'),
  },
  { name: 'a short binder', input: withExtensions(preSharedKey(['a'], ['\x01b'])), expected: notAHello('malformed') },
  {
    name: 'no binders',
    input: withExtensions(extension(41, vector(2, '\0\x01a\0\0\0\0'))),
    expected: notAHello('malformed'),
  },
  {
    name: 'something behind the binders',
    input: withExtensions(extension(41, `${vector(2, vector(2, 'a') + '\0'.repeat(4))}${vector(2, BINDER)}x`)),
    expected: notAHello('malformed'),
  },
  {
    name: 'an identity that lies',
    input: withExtensions(extension(41, '\0\x04\0\x09ab')),
    expected: notAHello('malformed'),
  },
  { name: 'no server name', input: withExtensions(serverName()), expected: notAHello('malformed') },
  { name: 'an empty server name', input: withExtensions(serverName('')), expected: notAHello('malformed') },
  { name: 'two server names', input: withExtensions(serverName('a', 'b')), expected: notAHello('malformed') },
  { name: 'a server name with NUL', input: withExtensions(serverName('a\0b')), expected: notAHello('malformed') },
  { name: 'a server name with CR LF', input: withExtensions(serverName('a\r\nb')), expected: notAHello('malformed') },
  {
    name: 'a server name of 256 bytes',
    input: withExtensions(serverName('a'.repeat(256))),
    expected: notAHello('malformed'),
  },
  { name: 'no server name extension data', input: withExtensions(extension(0, '')), expected: notAHello('malformed') },
  { name: 'no protocol', input: withExtensions(alpn()), expected: notAHello('malformed') },
  { name: 'an empty protocol', input: withExtensions(alpn('ftp', '')), expected: notAHello('malformed') },
  {
    name: 'something behind the protocols',
    input: withExtensions(extension(16, '\0\x02\x01ax')),
    expected: notAHello('malformed'),
  },
  { name: 'no version', input: withExtensions(versions()), expected: notAHello('malformed') },
  {
    name: 'half a version',
    input: withExtensions(extension(43, '\x03\x03\x04\x03')),
    expected: notAHello('malformed'),
  },
];

describe.each(feedings)('ClientHelloReader, fed $feeding', ({ cut }) => {
  it.each(hellos)('reads $name', ({ input, expected }) => {
    expect(feed(cut(input))).toEqual({ kind: 'hello', hello: { ...nothing, ...expected } });
  });

  it.each(others)('no hello: $name', ({ input, expected }) => {
    expect(feed(cut(input))).toEqual(expected);
  });

  it('takes a hello that ends at the limit and none that ends behind it', () => {
    const input = hello({ sessionId: 's'.repeat(32) });
    expect(feed(cut(`${input}behind`), input.length)).toMatchObject({ kind: 'hello' });
    expect(feed(cut(`${input}behind`), input.length - 1)).toEqual(notAHello('too-long'));
  });

  it('counts the headers of records', () => {
    const input = Array.from(message(body({})), (octet) => record(octet)).join('');
    expect(feed(cut(input), input.length)).toMatchObject({ kind: 'hello' });
    expect(feed(cut(input), input.length - 1)).toEqual(notAHello('too-long'));
  });
});

describe('ClientHelloReader', () => {
  it.each([
    ['T023 FTP', 'USER joe\r\n', 1],
    ['an SSL 2 hello', '\x80\x2e\x01\x03\x03', 1],
    ['another major version', '\x16\x02\0', 2],
    ['an empty record', record(''), 5],
    ['another message', record(message('', 20)), 6],
    ['a message that is too long', record('\x01\x01\0\0...'), 9],
    ['a message that is one byte too long', record('\x01\0\x3f\xf8'), 9],
    ['a hello', `${hello({})}behind`, hello({}).length],
  ])('decides as early as it can: %s', (_name, input, needed) => {
    expect(bytesNeeded(bytes(input))).toBe(needed);
  });

  it('gives back everything that was pushed, also behind the hello', () => {
    const reader = new ClientHelloReader();
    for (const chunk of cutAt(`${hello({})}behind`, [3, 50])) reader.push(chunk);
    reader.push(bytes(' and later'));
    expect(reader.bytes.toString('latin1')).toBe(`${hello({})}behind and later`);
  });

  it('needs no bytes of its caller after push', () => {
    const input = withExtensions(extension(35, TICKET));
    const reader = new ClientHelloReader();
    const chunk = bytes(input);
    const progress = reader.push(chunk);
    chunk.fill(0xff);
    expect(progress).toMatchObject({ hello: { ticket: bytes(TICKET) } });
    expect(reader.bytes.toString('latin1')).toBe(input);
  });

  it('keeps to its decision, and holds nothing more after it', () => {
    const reader = new ClientHelloReader();
    reader.push(bytes('USER'));
    for (let index = 0; index < 100; index++)
      expect(reader.push(bytes(hello({})))).toEqual(notAHello('not-a-handshake'));
    expect(reader.bytes.toString('latin1')).toBe('USER');
  });

  it('gives up after 16 KiB without being told, in any number of records', () => {
    const reader = new ClientHelloReader();
    reader.push(bytes(record('\x01\0\x3f\xf0')));
    let progress: ClientHelloProgress = { kind: 'incomplete' };
    for (let count = 0; count < 3000 && progress.kind === 'incomplete'; count++) {
      progress = reader.push(bytes(record('x')));
    }
    expect(progress).toEqual(notAHello('too-long'));
    expect(reader.bytes.length).toBeLessThan(16_384 + 6);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a limit of %s', (maxBytes) => {
    expect(() => new ClientHelloReader(maxBytes)).toThrow(RangeError);
  });

  it('never throws for any bytes, and gives the same answer for every way to cut them', () => {
    const input = fc.oneof(
      latin1,
      latin1.map((text) => record(text)),
      latin1.map((text) => record(message(text))),
      latin1.map((text) => hello({ extensions: text })),
    );
    fc.assert(
      fc.property(input, cuts, (text, at) => {
        expect(feed(cutAt(text, at))).toEqual(feed([bytes(text)]));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('hellos of a real client', () => {
  const recorded: Record<string, Recorded> = {};
  const keys12 = randomBytes(48);
  const keys13 = randomBytes(48);
  let sessionId: Buffer | undefined;

  /** One connection, and another one that resumes its session. */
  async function recordTwo(name: string, options: PeerOptions): Promise<readonly Buffer[]> {
    await using peer = await startPeer(options);
    const offer = { servername: 'ftp.example', ALPNProtocols: ['ftp', 'x-other'] };
    const first = await peer.connect(offer);
    recorded[`${name}, first`] = first;
    recorded[`${name}, resuming`] = await peer.connect(first.session ? { ...offer, session: first.session } : offer);
    return peer.sessionIds;
  }

  beforeAll(async () => {
    await recordTwo('TLS 1.2 with tickets', { version: 'TLSv1.2', resumption: 'ticket', ticketKeys: keys12 });
    await recordTwo('TLS 1.3', { version: 'TLSv1.3', resumption: 'ticket', ticketKeys: keys13 });
    const ids = await recordTwo('TLS 1.2 with session ids', {
      version: 'TLSv1.2',
      resumption: 'session-id',
      ticketKeys: keys12,
    });
    sessionId = ids[0];
    await using peer = await startPeer({ version: 'TLSv1.2', resumption: 'ticket', ticketKeys: keys12 });
    recorded['TLS 1.2 only'] = await peer.connect({ maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' });
  });

  const bytesOf = (name: string): Buffer => recorded[name]!.bytes;
  const each = (check: (octets: Buffer, name: string) => void): void => {
    expect(Object.keys(recorded)).toHaveLength(7);
    for (const [name, { bytes: octets }] of Object.entries(recorded)) check(octets, name);
  };

  it.each(['TLS 1.2 with tickets', 'TLS 1.3', 'TLS 1.2 with session ids'])('%s: the first names nothing', (name) => {
    const first = helloIn(bytesOf(`${name}, first`));
    expect(first).toMatchObject({ ticket: undefined, identities: [], ticketKeyNames: [] });
    expect(recorded[`${name}, first`]!.resumed).toBe(false);
    expect(recorded[`${name}, resuming`]!.resumed).toBe(true);
  });

  it('offers a name and protocols', () => {
    expect(helloIn(bytesOf('TLS 1.3, first'))).toMatchObject({ servername: 'ftp.example', alpn: ['ftp', 'x-other'] });
    expect(helloIn(bytesOf('TLS 1.2 only'))).toMatchObject({ servername: undefined, alpn: [] });
  });

  it('offers versions', () => {
    expect(helloIn(bytesOf('TLS 1.3, first')).versions).toEqual([0x0304, 0x0303]);
    expect(helloIn(bytesOf('TLS 1.2 only')).versions).toEqual([0x0303]);
  });

  it('TLS 1.2: the ticket begins with the name of the key', () => {
    const { ticket, ticketKeyNames, identities } = helloIn(bytesOf('TLS 1.2 with tickets, resuming'));
    expect(ticketKeyNames).toEqual([keys12.subarray(0, 16)]);
    expect(ticket?.subarray(0, 16)).toEqual(keys12.subarray(0, 16));
    expect(identities).toEqual([]);
  });

  it('TLS 1.3: the identity begins with the name of the key', () => {
    const { ticket, ticketKeyNames, identities } = helloIn(bytesOf('TLS 1.3, resuming'));
    expect(ticketKeyNames).toEqual([keys13.subarray(0, 16)]);
    expect(identities).toHaveLength(1);
    expect(ticket).toBeUndefined();
  });

  it('TLS 1.2 without tickets: the session id is the one that was given', () => {
    const resuming = helloIn(bytesOf('TLS 1.2 with session ids, resuming'));
    expect(resuming.sessionId).toEqual(sessionId);
    expect(resuming.sessionId).toHaveLength(32);
    expect(resuming.ticketKeyNames).toEqual([]);
  });

  it('are read at every split, and byte by byte', () => {
    each((octets, name) => {
      const whole = { kind: 'hello', hello: helloIn(octets) };
      expect([name, feed(everyByte(octets))]).toEqual([name, whole]);
      for (let at = 1; at < octets.length; at++) {
        const reader = new ClientHelloReader();
        reader.push(octets.subarray(0, at));
        const progress = reader.push(octets.subarray(at));
        if (JSON.stringify(progress) !== JSON.stringify(whole)) expect([name, at, progress]).toEqual([name, at, whole]);
        expect(reader.bytes.equals(octets)).toBe(true);
      }
    });
  });

  it('are incomplete as long as a byte is missing', () => {
    each((octets, name) => {
      const end = 5 + octets.readUInt16BE(3);
      expect([name, bytesNeeded(octets)]).toEqual([name, end]);
    });
  });

  it('are read from records of any size', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 });
    each((octets) => {
      const whole = helloIn(octets);
      fc.assert(
        fc.property(sizes, (pattern) => {
          expect(helloIn(fragmented(octets, pattern))).toEqual(whole);
        }),
        { numRuns: 30 },
      );
    });
  });

  it('that were mutated never make it throw or read what was not sent', () => {
    const changes = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('set' as const), at: fc.nat(), octet: fc.nat({ max: 255 }) }),
        fc.record({
          kind: fc.constantFrom('remove' as const, 'repeat' as const),
          at: fc.nat(),
          length: fc.nat({ max: 64 }),
        }),
        fc.record({ kind: fc.constant('truncate' as const), at: fc.nat() }),
      ),
      { minLength: 1, maxLength: 4 },
    );
    let stillHellos = 0;
    each((octets) => {
      fc.assert(
        fc.property(changes, cuts, (list, at) => {
          const mutated = list.reduce(mutate, octets);
          const progress = feed([mutated]);
          expect(feed(cutAt(mutated.toString('latin1'), at))).toEqual(progress);
          if (progress.kind !== 'hello') return;
          stillHellos++;
          expectSent(progress.hello, handshakeOctets(mutated));
        }),
        { numRuns: 400 },
      );
    });
    expect(stillHellos).toBeGreaterThan(100);
  });
});

type Change =
  | { readonly kind: 'set'; readonly at: number; readonly octet: number }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'truncate'; readonly at: number };

function mutate(octets: Buffer, change: Change): Buffer {
  if (octets.length === 0) return octets;
  const at = change.at % octets.length;
  const before = octets.subarray(0, at);
  if (change.kind === 'truncate') return before;
  if (change.kind === 'set') return Buffer.concat([before, Buffer.of(change.octet), octets.subarray(at + 1)]);
  const end = Math.min(at + change.length, octets.length);
  return Buffer.concat(
    change.kind === 'remove' ? [before, octets.subarray(end)] : [octets.subarray(0, end), octets.subarray(at)],
  );
}

/** The first record, cut into records of these sizes in turn. */
function fragmented(octets: Buffer, sizes: readonly number[]): Buffer {
  const fragment = octets.toString('latin1', 5, 5 + octets.readUInt16BE(3));
  const records: string[] = [];
  for (let at = 0, turn = 0; at < fragment.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    records.push(record(fragment.slice(at, at + size)));
    at += size;
  }
  return bytes(records.join(''));
}

/** What the records hold. */
function handshakeOctets(octets: Buffer): Buffer {
  const fragments: Buffer[] = [];
  for (let at = 0; at + 5 <= octets.length; ) {
    const end = at + 5 + octets.readUInt16BE(at + 3);
    fragments.push(octets.subarray(at + 5, end));
    at = end;
  }
  return Buffer.concat(fragments);
}

function expectSent(found: ClientHello, sent: Buffer): void {
  const parts = [
    found.sessionId,
    ...(found.ticket ? [found.ticket] : []),
    ...found.identities,
    ...found.ticketKeyNames,
    bytes(found.servername ?? ''),
    ...found.alpn.map(bytes),
  ];
  for (const part of parts) expect(sent.includes(part)).toBe(true);
  expect(found.sessionId.length).toBeLessThanOrEqual(32);
}
