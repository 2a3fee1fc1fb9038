/** Turns on a shared port: one after the other, or together where all can be told apart. */
import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/replication/turns.ts';

function take(turns: Turns, place: string, distinct: boolean, name: string, granted: string[]): () => void {
  return turns.request(place, distinct, () => granted.push(name));
}

describe('turns', () => {
  it('come one after the other, in order, at each place by itself', () => {
    const turns = new Turns();
    const granted: string[] = [];
    const first = take(turns, 'a', false, 'first', granted);
    const second = take(turns, 'a', false, 'second', granted);
    take(turns, 'a', false, 'third', granted);
    take(turns, 'b', false, 'elsewhere', granted);
    expect(granted).toEqual(['first', 'elsewhere']);
    first();
    first();
    expect(granted).toEqual(['first', 'elsewhere', 'second']);
    second();
    expect(granted.at(-1)).toBe('third');
  });

  it('are shared by those that can be told apart, and nobody overtakes', () => {
    const turns = new Turns();
    const granted: string[] = [];
    const one = take(turns, 'a', true, 'one', granted);
    const two = take(turns, 'a', true, 'two', granted);
    const alone = take(turns, 'a', false, 'alone', granted);
    take(turns, 'a', true, 'late', granted);
    expect(granted).toEqual(['one', 'two']);
    one();
    expect(granted).toEqual(['one', 'two']);
    two();
    expect(granted).toEqual(['one', 'two', 'alone']);
    alone();
    expect(granted.at(-1)).toBe('late');
  });

  it('can be given up before they come', () => {
    const turns = new Turns();
    const granted: string[] = [];
    const first = take(turns, 'a', false, 'first', granted);
    take(turns, 'a', false, 'second', granted)();
    take(turns, 'a', false, 'third', granted);
    first();
    expect(granted).toEqual(['first', 'third']);
  });
});
