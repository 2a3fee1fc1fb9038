/**
 * A gateway before several scripted backends, for tests of routes, choice and failover.
 */
import { expect } from 'vitest';
import { ScriptedBackend } from './scripted-backend.ts';
import { type House, type HouseOptions, withGateway } from './test-gateway.ts';

/** What a test with several backends gets. */
export interface SeveralBackends extends House {
  /** By name; `legacy` is the first. */
  readonly all: Readonly<Record<string, ScriptedBackend>>;
}

/** Choices of {@link withBackends}. */
export interface SeveralOptions extends HouseOptions {
  /** Names of the backends beside `legacy`, with their keys. */
  readonly others: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** As `withGateway`, with more backends. All have been probed once when `play` begins. */
export async function withBackends(
  { others, ...options }: SeveralOptions,
  play: (house: SeveralBackends) => Promise<void>,
): Promise<void> {
  const started = await Promise.all(
    Object.entries(others).map(async ([name, keys]) => ({ name, keys, backend: await ScriptedBackend.start() })),
  );
  const moreBackends = started.map(({ name, keys, backend: { address, port } }) => ({
    name,
    host: address,
    port,
    ...keys,
  }));
  try {
    await withGateway({ ...options, moreBackends }, async (house) => {
      for (const { name, backend } of started) {
        await house.logs.until({ event: 'backend-availability', backend: name, availability: 'up' });
        await expect.poll(() => house.gateway.openSockets, { interval: 2 }).toBe(0);
        backend.forgetSessions();
      }
      const all = Object.fromEntries([
        ['legacy', house.backend],
        ...started.map(({ name, backend }) => [name, backend]),
      ]);
      await play({ ...house, all });
    });
    for (const { backend } of started) expect(backend.faults).toEqual([]);
  } finally {
    await Promise.all(started.map(({ backend }) => backend.stop()));
  }
}
