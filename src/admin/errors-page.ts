/**
 * The table of errors as a page, so that a code leads to its meaning without leaving the gateway.
 */
import { ERRORS, type ErrorDescription } from '../errors/errors.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';

/** Every code with an anchor of its name. */
export function errorsPage(version: string): Html {
  const rows = Object.entries<ErrorDescription>(ERRORS).map(
    ([code, { reply, meaning, remedy }]) =>
      html`<tr id="${code}"><th scope="row" class="code">${code}</th><td>${meaning}</td><td>${remedy}</td><td class="told">${reply === null ? 'nothing of its own' : reply.join(' ')}</td></tr>`,
  );
  return page({
    path: '/errors',
    title: 'Error codes',
    version,
    content: html`<h1>Error codes</h1>
<p>Why a session, a login or a transfer failed or ended early. The same codes are in the log, in the metrics and on the status page.</p>
<div class="scroll"><table><thead><tr><th scope="col">Code</th><th scope="col">What happened</th><th scope="col">What to do</th><th scope="col">The client is told</th></tr></thead>
<tbody>${rows}</tbody></table></div>`,
  });
}
