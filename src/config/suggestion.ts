/**
 * "Did you mean": the word or the key that was meant by a misspelt one. Pure. Knows no single key by name.
 */
import { type Field, fieldOf } from './fields.ts';
import { fieldAt } from './outline.ts';
import { SETTINGS } from './schema.ts';

/** A hint for an unknown key: the key of the same section that was meant, or the place where a key of that name belongs. */
export function suggestKey(parent: readonly PropertyKey[], unknown: string): string | undefined {
  const section = fieldAt(parent);
  const near = section?.kind === 'section' ? nearest(unknown, Object.keys(section.keys)) : undefined;
  if (near !== undefined) return `did you mean ${near}?`;
  const elsewhere = placesOf(unknown, fieldOf(SETTINGS), []).toSorted((a, b) => a.length - b.length);
  return elsewhere.length === 0 ? undefined : `did you mean ${elsewhere.join(' or ')}?`;
}

function placesOf(name: string, field: Field, path: readonly string[]): readonly string[] {
  if (field.kind === 'list') {
    const parent = path.slice(0, -1);
    return placesOf(name, fieldOf(field.element), [...parent, `${path.at(-1) ?? ''}[]`]);
  }
  if (field.kind === 'value') return [];
  return Object.entries(field.keys).flatMap(([key, schema]) => {
    const here = key === name ? [[...path, key].join('.')] : [];
    return [...here, ...placesOf(name, fieldOf(schema), [...path, key])];
  });
}

/** The candidate that differs from `given` by at most a third of its letters; case, `-` and `_` do not count. */
export function nearest(given: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_ ]/g, '');
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(plain(given), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.candidate.length / 3))
    ? best.candidate
    : undefined;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 20) return Number.POSITIVE_INFINITY;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (row[j - 1] ?? 0) + 1,
        (previous[j] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforePrevious[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
