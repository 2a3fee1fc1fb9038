/** The embedded backend, over real sockets. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DemoBackend, startDemoBackend } from '../../../src/demo/backend.ts';
import { PlainClient } from './plain-client.ts';

let folder: string;
let files: string;
let backend: DemoBackend;
let client: PlainClient;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  files = join(folder, 'files');
  await mkdir(join(files, 'sub'), { recursive: true });
  await writeFile(join(files, 'ten.bin'), '0123456789');
  backend = await startDemoBackend({ root: files });
  client = await PlainClient.login(backend.port);
});

afterEach(async () => {
  client.close();
  await backend.close();
  expect(backend.openSockets).toBe(0);
  await rm(folder, { recursive: true });
});

describe('a session', () => {
  it('wants a login first, and takes any', async () => {
    const stranger = await PlainClient.open(backend.port);
    expect(await stranger.say('PWD')).toMatch(/^530 /);
    expect(await stranger.say('PASS x')).toMatch(/^503 /);
    expect(await stranger.say('USER anyone')).toMatch(/^331 /);
    expect(await stranger.say('PASS anything')).toMatch(/^230 /);
    expect(await stranger.say('PWD')).toMatch(/^257 "\/" /);
    expect(await stranger.say('QUIT')).toMatch(/^221 /);
    await once(stranger.socket, 'close');
  });

  it('answers pipelined commands in order, and what it does not know with 502', async () => {
    client.send('NOOP', 'PWD', 'FROB', 'SYST', '\x01', 'TYPE X', 'MODE B', 'STRU R', 'ALLO 1', 'HELP', 'RETR', 'CWD');
    const codes: string[] = [];
    for (let count = 0; count < 12; count += 1) codes.push((await client.reply()).slice(0, 3));
    expect(codes.join(' ')).toBe('200 257 502 215 500 504 504 504 202 214 425 501');
  });

  it('tells its features, and the facts that were chosen', async () => {
    expect(await client.say('FEAT')).toMatch(/^211-[\s\S]*\n MLST type\*;size\*;modify\*;perm\*;\n[\s\S]*\n211 /);
    expect(await client.say('OPTS MLST Size;unknown;type;')).toBe('200 MLST OPTS type;size;');
    expect(await client.say('MLST ten.bin')).toBe('250-Listing follows.\n type=file;size=10; /ten.bin\n250 End.');
    expect(await client.say('OPTS UTF8 ON')).toMatch(/^200 /);
  });

  it('serves IPv6 through EPSV, and PASV on IPv4 only', async () => {
    expect(await client.say('PASV')).toMatch(/^227 .*\(127,0,0,1,\d+,\d+\)/);
    expect(await client.say('EPSV 2')).toMatch(/^522 .*\(1\)/);
    if (backend.endpoints.length < 2) return;
    const six = await PlainClient.login(backend.port, '::1');
    expect(await six.say('PASV')).toMatch(/^425 /);
    expect((await six.fetch('RETR ten.bin')).bytes.toString()).toBe('0123456789');
    six.close();
  });
});

describe('files and directories', () => {
  it('changes directories and never leaves the root', async () => {
    expect(await client.say('CWD sub')).toMatch(/^250 /);
    expect(await client.say('PWD')).toMatch(/^257 "\/sub" /);
    expect(await client.say('CDUP')).toMatch(/^250 /);
    expect(await client.say('CWD ../../..')).toMatch(/^250 /);
    expect(await client.say('PWD')).toMatch(/^257 "\/" /);
    expect(await client.say('CWD missing')).toMatch(/^550 /);
    expect(await client.say('CWD ten.bin')).toMatch(/^550 /);
  });

  it('does not follow links out of the root, in any command', async () => {
    await writeFile(join(folder, 'secret'), 'top');
    await symlink('../secret', join(files, 'link'));
    await symlink('..', join(files, 'up'));
    await symlink('../not-yet', join(files, 'dangling'));
    for (const command of [
      'SIZE link',
      'CWD up',
      'MDTM up/secret',
      'MLST link',
      'DELE up/secret',
      'MKD up/x',
      'STAT up',
    ]) {
      expect([command, await client.say(command)]).toEqual([command, expect.stringMatching(/^550 /)]);
    }
    for (const command of ['RETR link', 'RETR up/secret', 'LIST up', 'MLSD up']) {
      expect([command, (await client.fetch(command)).last]).toEqual([command, expect.stringMatching(/^550 /)]);
    }
    for (const command of ['STOR link', 'STOR up/new', 'APPE dangling']) {
      const reply = await client.store(command, Buffer.from('x'));
      expect([command, reply]).toEqual([command, expect.stringMatching(/^550 /)]);
    }
    expect((await readdir(folder)).sort()).toEqual(['files', 'secret']);
    expect(await readFile(join(folder, 'secret'), 'utf8')).toBe('top');
    expect(await client.say('DELE link')).toMatch(/^250 /);
  });

  it('makes, renames and removes', async () => {
    expect(await client.say('MKD a "quoted" name')).toMatch(/^257 "\/a ""quoted"" name" /);
    expect(await client.say('MKD a "quoted" name')).toMatch(/^550 /);
    expect(await client.say('RNTO x')).toMatch(/^503 /);
    expect(await client.say('RNFR a "quoted" name')).toMatch(/^350 /);
    expect(await client.say('RNTO sub/b')).toMatch(/^250 /);
    expect(await client.say('RMD sub')).toMatch(/^550 /);
    expect(await client.say('RMD sub/b')).toMatch(/^250 /);
    expect(await client.say('DELE sub')).toMatch(/^550 /);
    expect(await client.say('DELE ten.bin')).toMatch(/^250 /);
    expect(await client.say('DELE ten.bin')).toMatch(/^550 /);
    expect(await client.say('RMD /')).toMatch(/^550 /);
    expect(await readdir(files)).toEqual(['sub']);
  });

  it('sets and tells size and time', async () => {
    expect(await client.say('SIZE ten.bin')).toBe('213 10');
    expect(await client.say('SIZE sub')).toMatch(/^550 /);
    expect(await client.say('MFMT 20200102030405 ten.bin')).toBe('213 Modify=20200102030405; /ten.bin');
    expect(await client.say('MDTM ten.bin')).toBe('213 20200102030405');
    expect((await stat(join(files, 'ten.bin'))).mtime).toEqual(new Date('2020-01-02T03:04:05Z'));
    expect(await client.say('MFMT yesterday ten.bin')).toMatch(/^501 /);
    expect(await client.say('STAT ten.bin')).toMatch(/^213-[\s\S]* 10 Jan {2}2 {2}2020 ten\.bin\n213 /);
  });

  it('keeps names of any bytes', async () => {
    const name = 'gr\xfc\xdfe \xff';
    expect(await client.store(`STOR ${name}`, Buffer.from('x'))).toMatch(/^226 /);
    const [first] = await readdir(files, { encoding: 'buffer' });
    expect(first).toEqual(Buffer.from(name, 'latin1'));
    expect((await client.fetch('NLST')).bytes.toString('latin1')).toBe(`${name}\r\nsub\r\nten.bin\r\n`);
    expect(await client.say(`DELE ${name}`)).toMatch(/^250 /);
  });
});

describe('transfers', () => {
  it('lists in three forms, with the options of ls ignored', async () => {
    const list = await client.fetch('LIST -la');
    expect(list.last).toMatch(/^226 /);
    expect(list.bytes.toString()).toMatch(/^d\S+ 1 ftp ftp .* sub\r\n-\S+ 1 ftp ftp +10 .* ten\.bin\r\n$/);
    expect((await client.fetch('NLST sub')).bytes.toString()).toBe('');
    expect((await client.fetch('MLSD')).bytes.toString()).toMatch(
      /^type=dir;.* sub\r\ntype=file;size=10;.* ten\.bin\r\n$/,
    );
    expect((await client.fetch('MLSD ten.bin')).last).toMatch(/^550 /);
    expect((await client.fetch('LIST missing')).last).toMatch(/^550 /);
  });

  it('stores and returns 5 MiB unchanged', async () => {
    const bytes = Buffer.alloc(5 * 1024 ** 2, 'sallyport\r\n\n\r');
    expect(await client.store('STOR big', bytes)).toMatch(/^226 /);
    const back = await client.fetch('RETR big');
    expect(back.last).toMatch(/^226 /);
    expect(back.bytes.equals(bytes)).toBe(true);
  });

  it('restarts, appends and stores under a unique name', async () => {
    expect(await client.say('REST 7')).toMatch(/^350 /);
    expect((await client.fetch('RETR ten.bin')).bytes.toString()).toBe('789');
    expect((await client.fetch('RETR ten.bin')).bytes.toString()).toBe('0123456789');
    expect(await client.say('REST 5')).toMatch(/^350 /);
    expect(await client.store('STOR ten.bin', Buffer.from('ab'))).toMatch(/^226 /);
    expect(await client.store('APPE ten.bin', Buffer.from('!'))).toMatch(/^226 /);
    expect(await readFile(join(files, 'ten.bin'), 'utf8')).toBe('01234ab789!');
    const data = await client.data();
    const name = /^150 FILE: (\S+)$/.exec(await client.say('STOU'))?.[1] ?? '';
    data.end('unique');
    expect(await client.reply()).toMatch(/^226 /);
    expect(await readFile(join(files, name), 'utf8')).toBe('unique');
  });

  it('wants PASV or EPSV before each one', async () => {
    expect(await client.say('RETR ten.bin')).toMatch(/^425 /);
    await client.fetch('RETR ten.bin');
    expect(await client.say('LIST')).toMatch(/^425 /);
  });

  it('says 426 when an upload is reset, and keeps what came', async () => {
    const data = await client.data();
    expect(await client.say('STOR cut')).toMatch(/^150 /);
    data.write('half');
    data.resetAndDestroy();
    expect(await client.reply()).toMatch(/^426 /);
  });

  it('aborts on ABOR, with Telnet bytes before it: 426, then 226', async () => {
    const data = await client.data();
    expect(await client.say('STOR endless')).toMatch(/^150 /);
    data.resume();
    expect(await client.say('STAT')).toMatch(/^211 /);
    client.send('\xff\xf4\xff\xf2ABOR');
    expect(await client.reply()).toMatch(/^426 /);
    expect(await client.reply()).toMatch(/^226 /);
    expect(await client.say('ABOR')).toMatch(/^226 /);
    expect((await client.fetch('RETR ten.bin')).last).toMatch(/^226 /);
    data.destroy();
  });

  it('gives up a transfer whose control connection is gone', async () => {
    const data = await client.data();
    expect(await client.say('STOR orphan')).toMatch(/^150 /);
    client.close();
    await once(data.resume(), 'end');
    data.destroy();
  });

  it('turns away a second connection to the same data port', async () => {
    const port = Number(/\|\|\|(\d+)\|/.exec(await client.say('EPSV'))?.[1]);
    const [first, second] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    const kept = await new Promise<Socket>((resolve) => {
      first.on('error', () => {}).on('close', () => resolve(second));
      second.on('error', () => {}).on('close', () => resolve(first));
      for (const socket of [first, second]) socket.resume();
    });
    expect(await client.say('STOR one')).toMatch(/^150 /);
    kept.end('mine');
    expect(await client.reply()).toMatch(/^226 /);
    expect(await readFile(join(files, 'one'), 'utf8')).toBe('mine');
  });
});

describe('startDemoBackend', () => {
  it('refuses addresses that are not loopback, and a folder that is not there', async () => {
    await expect(startDemoBackend({ root: files, addresses: ['0.0.0.0'] })).rejects.toThrow(RangeError);
    await expect(startDemoBackend({ root: join(files, 'missing') })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('rejects when the port is taken', async () => {
    await expect(startDemoBackend({ root: files, port: backend.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('uses the same port on every address', () => {
    expect(new Set(backend.endpoints.map(({ port }) => port)).size).toBe(1);
  });
});
