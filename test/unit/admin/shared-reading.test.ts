/** One reading for many who ask. */
import { expect, it } from 'vitest';
import { SharedReading } from '../../../src/admin/shared-reading.ts';

/** Numbers its readings, each of which ends when told. */
function numbered() {
  let now = 0;
  let begun = 0;
  const ends: (() => void)[] = [];
  const read = async () => {
    begun += 1;
    const number = begun;
    await new Promise<void>((resolve) => ends.push(resolve));
    return number;
  };
  const shared = new SharedReading(read, () => now);
  const next = () => {
    const asked = shared.get();
    for (const end of ends.splice(0)) end();
    return asked;
  };
  return { shared, next, passes: (milliseconds: number) => (now += milliseconds) };
}

it('is shared by those who ask while it is made, and by nobody who asks later', async () => {
  const { shared, next } = numbered();
  const asked = [shared.get(), shared.get(), next()];
  expect(await Promise.all(asked)).toEqual([1, 1, 1]);
  expect(await next()).toBe(2);
});

it('is given again for a quarter of a second to those who ask very often', async () => {
  const { next, passes } = numbered();
  for (let count = 1; count <= 10; count += 1) expect(await next()).toBe(count);
  expect(await next()).toBe(10);
  passes(249);
  expect(await next()).toBe(10);
  passes(1);
  expect(await next()).toBe(11);
  passes(750);
  expect(await next()).toBe(12);
  expect(await next()).toBe(13);
});

it('that fails does so for those who share it, and is made again', async () => {
  let fails = true;
  const shared = new SharedReading(async () => {
    if (fails) throw new Error('broken');
    return 'well';
  });
  const asked = await Promise.allSettled([shared.get(), shared.get()]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await shared.get()).toBe('well');
});
