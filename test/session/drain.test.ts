/**
 * The gateway drains: no more sessions, idle ones go, running transfers finish; what does not finish in time is cut as aborted.
 */
import { describe, expect, it } from 'vitest';
import { ScriptedClient } from '../support/scripted-client.ts';
import { withGateway } from '../support/test-gateway.ts';

const LONG = 60_000;

async function beginUpload(client: ScriptedClient, name: string) {
  const data = await client.openData();
  client.send(`STOR ${name}`);
  await data.startTls({ session: client.session });
  await client.expect(150);
  await data.write('before ');
  return data;
}

describe('draining', () => {
  it('ends idle sessions at once, whatever they were about to do', async () => {
    await withGateway({}, async ({ greeted, loggedIn, gateway }) => {
      const clients = [await greeted(), await loggedIn(), await loggedIn()];
      await clients[2]?.epsv();
      const drained = gateway.drain(LONG);
      for (const client of clients) {
        await client.expect(421);
        await client.expectClosed();
      }
      await drained;
      expect(gateway.activeSessions).toBe(0);
    });
  });

  it('lets an upload finish: 226, then 421; meanwhile nobody else is let in, and the gateway is not ready', async () => {
    await withGateway({}, async ({ loggedIn, connect, gateway, backend }) => {
      const client = await loggedIn();
      const data = await beginUpload(client, 'a');
      const drained = gateway.drain(LONG);
      expect(gateway.readiness()).toEqual({ ready: false, reasons: ['draining'] });
      expect((await (await connect()).expect(421)).text).toBe('Service is going down, try again later.');
      await data.write('behind');
      data.end();
      await client.expect(226);
      await client.expect(421);
      await client.expectClosed();
      await drained;
      expect(backend.files.get('/a')?.toString()).toBe('before behind');
    });
  });

  it('lets a download finish whose client is slow', async () => {
    const large = Buffer.alloc(4 * 2 ** 20, 'x');
    await withGateway({ legacy: { files: { '/large': large } } }, async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      const data = await client.openData();
      client.send('RETR large');
      await data.startTls({ session: client.session });
      data.pause();
      await client.expect(150);
      const drained = gateway.drain(LONG);
      data.resume();
      expect((await data.readToEnd()).bytes.equals(large)).toBe(true);
      await client.expect(226);
      await client.expect(421);
      await drained;
    });
  });

  it('cuts a transfer that does not finish in time, never as complete: no 226, no end of file for the backend', async () => {
    await withGateway({}, async ({ loggedIn, gateway, backend, logs }) => {
      const client = await loggedIn();
      const data = await beginUpload(client, 'a');
      await gateway.drain(50);
      await client.expect(421);
      await client.expectClosed();
      expect(await data.ending).not.toBe('close_notify');
      expect(backend.files.has('/a')).toBe(false);
      await logs.until({ event: 'transfer', outcome: 'failed', cause: 'shutting-down' });
    });
  });

  it('tells a client on an implicit listener by closing', async () => {
    await withGateway({}, async ({ gateway, doors }) => {
      await gateway.drain(LONG);
      await expect(ScriptedClient.connectImplicit(doors.implicit)).rejects.toThrow();
    });
  });

  it('may be asked for twice, and stopping in the middle ends it', async () => {
    await withGateway({}, async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      await beginUpload(client, 'a');
      const drained = Promise.all([gateway.drain(LONG), gateway.drain(LONG)]);
      await gateway.stop();
      await drained;
      await client.expect(421);
      await client.expectClosed();
    });
  });
});
