/**
 * The routes as a page for people: every operation with its parameters, its answers and their fields.
 */
import type { Right } from './access.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';
import { REFUSALS } from './openapi.ts';
import type { AnswerKind, Route } from './route.ts';
import type { JsonSchema } from './shape.ts';
import { fieldsOf, typeText } from './shape-text.ts';

/** Who may take a route, in words. */
export const RIGHTS: Readonly<Record<Right, string>> = {
  open: 'open to everybody',
  metrics: 'open, unless reading is protected',
  read: 'for reading',
  write: 'needs the write token',
};

/** The page. */
export function apiPage(routes: readonly Route[], version: string): Html {
  return page({
    path: '/api',
    title: 'API',
    version,
    content: html`<h1>API of the side port</h1>
<p>Everything here is also in <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). A token goes into the header <code>Authorization: Bearer TOKEN</code>.
Beside the answers here everything that is not open to everybody may answer:</p>
<ul>${Object.entries(REFUSALS).map(([status, meaning]) => html`<li><strong>${status}</strong> ${prose(meaning)}</li>`)}</ul>
${routes.map(operation)}`,
  });
}

function operation(route: Route): Html {
  const { method, path, summary, description, right, id, answers, parameters = {} } = route;
  const rows = Object.entries(parameters).map(
    ([
      name,
      {
        in: place,
        shape: { schema },
      },
    ]) =>
      html`<tr><th scope="row" class="code">${name}</th><td>${place}</td><td>${typeText(schema)}${schema.default === undefined ? null : `, default ${schema.default}`}</td><td>${prose(schema.description ?? '')}</td></tr>`,
  );
  return html`<section class="operation" aria-labelledby="${id}"><h2 id="${id}"><span class="method ${method.toLowerCase()}">${method}</span> <span class="mono">${path}</span> <span class="pill plain">${RIGHTS[right]}</span></h2>
<p>${summary}.${description === undefined ? null : html` ${prose(description)}`}</p>
${rows.length === 0 ? null : html`<table><caption>Parameters</caption><thead><tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${rows}</tbody></table>`}
${Object.entries(answers).map(([status, kind]) => answer(status, kind))}
</section>`;
}

function answer(status: string, kind: AnswerKind): Html {
  const schema = 'shape' in kind ? kind.shape.schema : undefined;
  const fields = schema === undefined || Number(status) >= 400 ? null : fieldTable(schema);
  const what = 'shape' in kind ? (schema?.title ?? 'JSON') : kind.mediaType;
  if (fields === null)
    return html`<p class="answer"><strong>${status}</strong> ${prose(kind.meaning)} <span class="dim">${what}</span></p>`;
  return html`<details class="answer"><summary><strong>${status}</strong> ${prose(kind.meaning)} <span class="dim">${what}</span></summary>${fields}</details>`;
}

function fieldTable(schema: JsonSchema): Html | null {
  const rows = fieldsOf(schema).map(
    ({ path, type, meaning }) =>
      html`<tr><th scope="row" class="code">${path}</th><td>${type}</td><td>${prose(meaning)}</td></tr>`,
  );
  if (rows.length === 0) return null;
  return html`<div class="scroll"><table><thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** A text in which `code` stands between backticks. */
function prose(text: string): Html {
  return html`${text.split('`').map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))}`;
}
