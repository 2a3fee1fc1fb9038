import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rendezvous } from '../../../src/data/rendezvous.ts';

const PORTS = [50_000, 50_001, 50_002];

function table(ports: readonly number[] = PORTS, peer: 'match' | 'any' = 'match') {
  return new Rendezvous<string>({ ports, peer, random: () => 0 });
}

describe('a table that matches addresses', () => {
  it('gives two sessions of one address different ports, and two addresses the same', () => {
    const rendezvous = table();
    expect(rendezvous.reserve('192.0.2.1', 'none', () => 'a')?.port).toBe(50_000);
    expect(rendezvous.reserve('192.0.2.1', 'none', () => 'b')?.port).toBe(50_001);
    expect(rendezvous.reserve('192.0.2.2', 'none', () => 'c')?.port).toBe(50_000);
    expect(rendezvous.match(50_000, '192.0.2.1')).toMatchObject({ kind: 'one', entry: { value: 'a' } });
    expect(rendezvous.match(50_000, '192.0.2.2')).toMatchObject({ kind: 'one', entry: { value: 'c' } });
    expect(rendezvous.match(50_002, '192.0.2.1')).toEqual({ kind: 'nobody' });
    expect(rendezvous).toMatchObject({ size: 3, freePorts: 1 });
  });

  it('gives ports that are in doubt last', () => {
    const rendezvous = table();
    const isInDoubt = (port: number) => port === 50_000;
    expect(rendezvous.reserve('192.0.2.1', 'none', () => 'a', isInDoubt)?.port).toBe(50_001);
    rendezvous.reserve('192.0.2.1', 'none', () => 'b', isInDoubt);
    expect(rendezvous.reserve('192.0.2.1', 'none', () => 'c', isInDoubt)?.port).toBe(50_000);
  });

  it('has no port for a client that cannot prove who it is, once its address waits on all', () => {
    const rendezvous = table([50_000]);
    rendezvous.reserve('192.0.2.1', 'distinct', () => 'a');
    expect(rendezvous.reserve('192.0.2.1', 'none', () => 'b')).toBeUndefined();
  });

  it('lets nobody share with a client that cannot prove who it is', () => {
    const rendezvous = table([50_000]);
    rendezvous.reserve('192.0.2.1', 'none', () => 'a');
    expect(rendezvous.reserve('192.0.2.1', 'distinct', () => 'b')).toBeUndefined();
  });

  it('lets a client share only once it is known not to mix its sessions up', () => {
    const rendezvous = table([50_000]);
    rendezvous.reserve('192.0.2.1', 'distinct', () => 'a');
    expect(rendezvous.reserve('192.0.2.1', 'provable', () => 'b')).toBeUndefined();
  });

  it('demands proof from all that share a port, also of the last one that is left', () => {
    const rendezvous = table([50_000]);
    const a = rendezvous.reserve('192.0.2.1', 'distinct', () => 'a');
    const b = rendezvous.reserve('192.0.2.1', 'distinct', () => 'b');
    expect(rendezvous.match(50_000, '192.0.2.1')).toMatchObject({ kind: 'ask', candidates: [a, b] });
    if (b !== undefined) rendezvous.release(b);
    expect(rendezvous.match(50_000, '192.0.2.1')).toMatchObject({ kind: 'ask', candidates: [a] });
  });

  it('asks TLS about a connection from another address, and only those who can prove', () => {
    const rendezvous = table([50_000]);
    rendezvous.reserve('192.0.2.1', 'none', () => 'clear');
    expect(rendezvous.match(50_000, '192.0.2.9')).toEqual({ kind: 'nobody' });
    const provable = rendezvous.reserve('192.0.2.2', 'distinct', () => 'private');
    expect(rendezvous.match(50_000, '192.0.2.9')).toMatchObject({ kind: 'ask', candidates: [provable] });
  });

  it('spreads those who share evenly', () => {
    const rendezvous = table();
    const counts = new Map<number, number>();
    for (let time = 0; time < 30; time += 1) {
      const port = rendezvous.reserve('192.0.2.1', 'distinct', () => 'x')?.port ?? 0;
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([10, 10, 10]);
  });
});

describe('a table in which addresses say nothing', () => {
  it('takes only clients that can prove who they are, and always asks', () => {
    const rendezvous = table([50_000], 'any');
    expect(rendezvous.reserve('192.0.2.1', 'none', () => 'a')).toBeUndefined();
    const entry = rendezvous.reserve('192.0.2.1', 'distinct', () => 'b');
    expect(rendezvous.match(50_000, '192.0.2.1')).toMatchObject({ kind: 'ask', candidates: [entry] });
  });
});

describe('any sequence of reservations and releases', () => {
  it('never lets port and address alone name one of two sessions', () => {
    const step = fc.record({
      address: fc.constantFrom('192.0.2.1', '192.0.2.2'),
      identity: fc.constantFrom('none' as const, 'provable' as const, 'distinct' as const),
      release: fc.nat({ max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const rendezvous = table();
        const live: { port: number; address: string; entry: NonNullable<ReturnType<typeof rendezvous.reserve>> }[] = [];
        for (const { address, identity, release } of steps) {
          const entry = rendezvous.reserve(address, identity, () => address);
          if (entry !== undefined) live.push({ port: entry.port, address, entry });
          const gone = release < 2 ? live.splice(release, 1)[0] : undefined;
          if (gone !== undefined) rendezvous.release(gone.entry);
          for (const one of live) {
            const sharers = live.filter((other) => other.port === one.port && other.address === one.address);
            const match = rendezvous.match(one.port, one.address);
            if (sharers.length > 1) expect(match.kind).toBe('ask');
            if (sharers.length > 1) expect(sharers.every(({ entry }) => entry.identity === 'distinct')).toBe(true);
            if (match.kind === 'one') expect(match.entry).toBe(one.entry);
          }
          expect(rendezvous.size).toBe(live.length);
        }
      }),
    );
  });
});
