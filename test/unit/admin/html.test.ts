/** Markup from templates. */
import { describe, expect, it } from 'vitest';
import { html } from '../../../src/admin/html.ts';
import { bytesText, durationText } from '../../../src/admin/number-text.ts';

describe('a template', () => {
  it('escapes every value, in text and in attributes', () => {
    const evil = `<script>alert("1")</script>&'`;
    expect(String(html`<a title="${evil}">${evil}</a>`)).toBe(
      '<a title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;</a>',
    );
  });

  it('takes templates as they are, and lists of both', () => {
    expect(String(html`<ul>${['<a>', html`<li>${'<b>'}</li>`, 3, undefined, null]}</ul>`)).toBe(
      '<ul>&lt;a&gt;<li>&lt;b&gt;</li>3</ul>',
    );
  });

  it('is not fooled by a text that was escaped before', () => {
    expect(String(html`${'&lt;'}`)).toBe('&amp;lt;');
  });
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1_500_000, '1.4 MiB'],
  [500 * 1024 ** 3, '500 GiB'],
  [2 ** 70, '1048576 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

it.each([
  [-1, '0 s'],
  [59.9, '59 s'],
  [60, '1 min'],
  [3599, '59 min 59 s'],
  [7500, '2 h 5 min'],
  [200_000, '2 d 7 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
