/**
 * What did not work, on the status page: how often each cause was, and the last examples of each.
 */

import { ERRORS, type ErrorCode } from '../errors/errors.ts';
import type { FailureCountShown, FailureShown, FailuresShown } from './answers.ts';
import { type Html, html } from './html.ts';

/** Causes that are shown, and examples of each. */
const MOST_CAUSES = 12;
const EXAMPLES = 3;

const KINDS = { transfer: 'Transfer', login: 'Login', tls: 'TLS' } as const;

/** The most frequent causes with the last examples of each. */
export function failuresSection({ counts, failures }: FailuresShown): Html {
  const content =
    counts.length === 0
      ? html`<p class="none">Nothing has failed.</p>`
      : html`<div class="scroll"><table class="failures"><thead><tr><th scope="col">Cause</th><th scope="col" class="number">Count</th><th scope="col">Last examples</th></tr></thead>
<tbody>${counts.slice(0, MOST_CAUSES).map((count) => causeRow(count, failures))}</tbody></table></div>`;
  const rest =
    counts.length > MOST_CAUSES
      ? html`<p class="more">${counts.length - MOST_CAUSES} more: <a href="/failures">/failures</a></p>`
      : null;
  return html`<section aria-labelledby="failures"><h2 id="failures">Failures by cause <span class="hint">since the start</span></h2>${content}${rest}</section>`;
}

function causeRow({ kind, code, count }: FailureCountShown, failures: readonly FailureShown[]): Html {
  const examples = failures.filter((each) => each.kind === kind && each.code === code).slice(0, EXAMPLES);
  return html`<tr><td><a class="code" href="/errors#${code}">${code}</a> <span class="dim">${KINDS[kind]}</span><br><span class="meaning">${meaningOf(code)}</span></td>
<td class="number">${count.toLocaleString('en')}</td>
<td><ul class="examples">${examples.map(example)}</ul></td></tr>`;
}

function example({ at, client, user, backend, session, detail }: FailureShown): Html {
  return html`<li><time class="mono" datetime="${at}">${at.slice(11, 19)}</time> ${user ?? 'nobody'} from <span class="mono">${client}</span>${backend === null ? null : html` at ${backend}`}, session <span class="mono">${session}</span>${detail === null ? null : html`: <span class="detail">${detail}</span>`}</li>`;
}

function meaningOf(code: string): string {
  return code in ERRORS ? ERRORS[code as ErrorCode].meaning : '';
}
