/**
 * What was said in clear before AUTH ends there: nothing of it reaches the backend, or counts, inside TLS
 * (RFC 2228 §3, RFC 4217 §4.2).
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PASSWORD, type ScriptedClient, USER } from '../support/scripted-client.ts';
import { CLEAR_ALLOWED, withGateway } from '../support/test-gateway.ts';

/** No more than the gateway says to NOOP and AUTH, and more than it says to NOOP (bytes). */
const BEFORE_TLS = '200 OK.\r\n234 Begin.\r\n'.length;

/** Runs `connect` and finds the socket that was accepted for it on this port. */
async function acceptedSocket(port: number, connect: () => Promise<ScriptedClient>) {
  const accepted: Socket[] = [];
  const onSocket = (message: unknown) => accepted.push((message as { socket: Socket }).socket);
  subscribe('net.server.socket', onSocket);
  try {
    const client = await connect();
    const socket = accepted.find(({ localPort }) => localPort === port);
    if (socket === undefined) throw new Error('no connection was accepted');
    return { client, socket };
  } finally {
    unsubscribe('net.server.socket', onSocket);
  }
}

/**
 * Sends commands, whose replies the network does not take, until no more than `room` bytes are left before the gateway
 * has to wait.
 */
async function fillUp(client: ScriptedClient, socket: Socket, room: number): Promise<void> {
  socket.cork();
  for (const line of ['HELP', 'NOOP']) {
    let size = 0;
    do {
      const before = socket.writableLength;
      client.send(line);
      await expect.poll(() => socket.writableLength, { interval: 0 }).toBeGreaterThan(before);
      // A reply comes in one piece.
      size = socket.writableLength - before;
    } while (socket.writableLength + size < socket.writableHighWaterMark - (line === 'HELP' ? 100 : room - size));
  }
}

describe('commands in clear behind AUTH', () => {
  it('T041: sent while the reply to an AUTH that was queued waits for a client that does not read: the connection ends', async () => {
    await withGateway(CLEAR_ALLOWED, async ({ greeted, backend, doors, logs }) => {
      const { client, socket } = await acceptedSocket(doors.explicit.port, greeted);
      await fillUp(client, socket, BEFORE_TLS);
      expect(socket.writableNeedDrain).toBe(false);
      client.write('NOOP\r\nAUTH TLS\r\n');
      await expect.poll(() => socket.writableNeedDrain, { interval: 1 }).toBe(true);
      const before = socket.bytesRead;
      client.write('USER injected\r\n');
      await expect.poll(() => socket.bytesRead, { interval: 1 }).toBeGreaterThan(before);
      socket.uncork();
      let reply = await client.reply();
      while (reply.code !== 234) reply = await client.reply();
      // Whoever takes the bytes for a part of the handshake must not go on either.
      await client.startTls().then(
        () => client.expectClosed(2000),
        () => {},
      );
      await logs.until({ event: 'session-ended' });
      expect(client.transcript).not.toContain('331');
      expect(backend.sessions).toHaveLength(0);
    });
  });
});

describe('bytes in clear behind AUTH', () => {
  it('are not piled up while the reply to an AUTH that was queued waits for a client that does not read', async () => {
    // Paused in both directions, nothing tells that the client is gone: the time for the login ends it.
    await withGateway({ timeouts: { login: '2s' } }, async ({ greeted, doors }) => {
      const { client, socket } = await acceptedSocket(doors.explicit.port, greeted);
      await fillUp(client, socket, BEFORE_TLS);
      client.write('NOOP\r\nAUTH TLS\r\n');
      await expect.poll(() => socket.writableNeedDrain, { interval: 1 }).toBe(true);
      const before = socket.bytesRead;
      const flood = Buffer.alloc(2 ** 20, 'x');
      for (let count = 0; count < 32; count += 1) {
        client.write(flood);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const piledUp = socket.bytesRead - before;
      socket.uncork();
      expect(piledUp).toBeLessThan(2 ** 20);
    });
  });
});

describe('what was said in clear before AUTH', () => {
  it('a user name does not count after it: PASS is refused with 503 until USER was sent again', async () => {
    await withGateway(CLEAR_ALLOWED, async ({ greeted, backend }) => {
      const client = await greeted();
      await client.command(`USER ${USER}`, 331);
      await client.auth();
      await client.command(`PASS ${PASSWORD}`, 503);
      await backend.disconnected(backend.sessions[0]);
      expect(backend.verbs).not.toContain('PASS');
      await client.login();
      await client.command('PWD', 257);
    });
  });

  it('CLNT and OPTS are not told to the backend after login; those that were sent inside TLS are', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted();
      await client.command('CLNT in-clear', 200);
      await client.command('OPTS UTF8 OFF', 200);
      await client.auth();
      await client.command('CLNT inside', 200);
      await client.login();
      await client.command('PWD', 257);
      expect(backend.commands).toContain('CLNT inside');
      expect(backend.commands).not.toContain('CLNT in-clear');
      expect(backend.commands).not.toContain('OPTS UTF8 OFF');
    });
  });
});
