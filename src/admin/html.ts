/**
 * HTML by a template tag: every value is escaped unless it was made by the tag itself, so that no text of a client can become
 * markup. Knows no page.
 */

/** Markup that may be put into a page as it is. Made by {@link html} only. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: nothing for undefined and null, lists one after the other. */
export type HtmlValue = string | number | Html | undefined | null | readonly HtmlValue[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup with values, which are escaped for text and for attributes in quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.map((part, index) => part + written(values[index])).join(''));
}

function written(value: HtmlValue): string {
  if (value === undefined || value === null) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(written).join('');
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}
