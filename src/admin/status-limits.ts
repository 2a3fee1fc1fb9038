/**
 * Limits on the status page: who is near one, and how limited bandwidths are used. Shown only where anything is counted.
 */
import { type Html, html } from './html.ts';
import type { BandwidthUseShown, LimitsShown, LimitUseShown } from './limit-answers.ts';
import { bytesText } from './number-text.ts';

/** Rows of each table. */
const ROWS = 10;
/** From this part on a limit is worth a look. */
const NEAR = 0.8;

const WORDS: Readonly<Record<string, string>> = {
  sessions: 'sessions',
  transfers: 'transfers at once',
  bytesUp: 'uploaded today',
  bytesDown: 'downloaded today',
  filesUp: 'files uploaded today',
  filesDown: 'files downloaded today',
};

/** Null where nothing of interest is limited. */
export function limitsSection({ usage, bandwidths }: LimitsShown): Html | null {
  // How many sessions there are is told above; an address with one of a hundred is no news.
  const shown = usage.filter(
    ({ limit, scope, used, most }) => limit !== 'sessions' || scope === 'user' || used / most >= NEAR,
  );
  if (shown.length === 0 && bandwidths.length === 0) return null;
  const more = shown.length > ROWS || bandwidths.length > ROWS;
  return html`<section aria-labelledby="limits"><h2 id="limits">Limits</h2>
<div class="scroll"><table><thead><tr><th scope="col">Whose</th><th scope="col">Limit</th><th scope="col" class="number">Used</th><th scope="col" class="number">Of</th></tr></thead>
<tbody>${bandwidths.slice(0, ROWS).map(bandwidthRow)}${shown.slice(0, ROWS).map(usageRow)}</tbody></table></div>${more ? html`<p class="more">More: <a href="/limits">/limits</a></p>` : null}</section>`;
}

function whoseCell({ scope, whose }: LimitUseShown | BandwidthUseShown): Html {
  return html`<td class="name">${whose === '' ? 'all' : whose} <span class="dim">${scope}</span></td>`;
}

function usageRow(use: LimitUseShown): Html {
  const { limit, used, most } = use;
  const text = limit.startsWith('bytes') ? bytesText : (count: number) => count.toLocaleString('en');
  const judgement = used >= most ? 'bad' : used / most >= NEAR ? 'fair' : 'plain';
  return html`<tr>${whoseCell(use)}<td>${WORDS[limit] ?? limit}</td><td class="number"><span class="pill ${judgement}">${text(used)}</span></td><td class="number">${text(most)}</td></tr>`;
}

function bandwidthRow(use: BandwidthUseShown): Html {
  const { direction, transfers, bytesPerSecond, most } = use;
  return html`<tr>${whoseCell(use)}<td>bandwidth ${direction} <span class="dim">${transfers} transfers</span></td><td class="number">${bytesText(bytesPerSecond)}/s</td><td class="number">${most === null ? '–' : `${bytesText(most)}/s`}</td></tr>`;
}
