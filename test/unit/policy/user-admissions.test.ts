import { expect, it } from 'vitest';
import { UserAdmissions } from '../../../src/policy/user-admissions.ts';

function given(admission: ReturnType<UserAdmissions['enter']>): { leave(): void } {
  if ('refused' in admission) throw new Error(`refused: ${admission.refused}`);
  return admission;
}

it('gives each user its own places, as many as are allowed, and takes each back once', () => {
  const places = new UserAdmissions();
  const first = given(places.enter('alice', 2));
  given(places.enter('alice', 2));
  expect(places.enter('alice', 2)).toEqual({ refused: 'too-many-sessions-of-user' });
  given(places.enter('bob', 1));
  expect(places.enter('bob', 1)).toEqual({ refused: 'too-many-sessions-of-user' });
  first.leave();
  first.leave();
  given(places.enter('alice', 2));
  expect(places.enter('alice', 2)).toEqual({ refused: 'too-many-sessions-of-user' });
});

it('counts by the newest word about how many are allowed', () => {
  const places = new UserAdmissions();
  for (let count = 0; count < 3; count++) given(places.enter('alice', 3));
  expect(places.enter('alice', 2)).toEqual({ refused: 'too-many-sessions-of-user' });
  given(places.enter('alice', 4));
});
