/**
 * Downloads in active mode, for tests that are about something else.
 */
import { expect } from 'vitest';
import type { ActivePort } from './active-port.ts';
import type { ScriptedClient } from './scripted-client.ts';

/** A whole download to a port that the gateway was told. */
export async function downloadTo(client: ScriptedClient, port: ActivePort, line = 'RETR a'): Promise<string> {
  await client.command(line, 125, 150);
  const data = await port.connection();
  const { minVersion, maxVersion } = client.options.tls ?? {};
  await data.startTls({ session: client.session, minVersion, maxVersion });
  const { bytes, ending } = await data.readToEnd();
  expect(ending).toBe('close_notify');
  await client.expect(226);
  return bytes.toString();
}
