/**
 * Sessions and transfers on the status page.
 */
import type { SessionShown, SessionsShown, TransferShown } from './answers.ts';
import { type Html, html } from './html.ts';
import { bytesText, durationText } from './number-text.ts';

type Running = SessionShown & { readonly transfer: TransferShown };

const VERBS = { upload: 'Upload', download: 'Download', list: 'Listing' } as const;

/** The transfers that run, each with its progress. */
export function transfersSection({ sessions }: SessionsShown): Html {
  const running = sessions.filter((session): session is Running => session.transfer !== null);
  const content =
    running.length === 0
      ? html`<p class="none">No transfer runs.</p>`
      : html`<ul class="transfers">${running.map(transferItem)}</ul>`;
  return html`<section aria-labelledby="transfers"><h2 id="transfers">Transfers</h2>${content}</section>`;
}

function transferItem({ transfer, user, client, backend, id }: Running): Html {
  const { direction, path, verb, bytes, expectedBytes, bytesPerSecond, milliseconds, clientData, backendData } =
    transfer;
  return html`<li class="transfer">
<p class="what"><span class="direction ${direction}">${VERBS[direction]}</span> <span class="path">${path ?? verb}</span></p>
<p class="who">${user ?? 'nobody'} from <span class="mono">${client}</span> · ${direction === 'upload' ? 'to' : 'from'} ${backend ?? 'no backend'} · session <span class="mono">${id}</span></p>
${progress(bytes, expectedBytes)}
<p class="figures"><span>${bytesText(bytes)}${expectedBytes === null ? null : html` of ${bytesText(expectedBytes)}`}</span><span>${bytesText(bytesPerSecond)}/s</span><span>${durationText(milliseconds / 1000)}${remaining(transfer)}</span><span>${legs(clientData, backendData)}</span></p>
</li>`;
}

function progress(bytes: number, expected: number | null): Html {
  if (expected === null || expected === 0) {
    return html`<div class="progress"><progress>of unknown size</progress><span class="share" aria-hidden="true">–</span></div>`;
  }
  // The last percent is for what is still on its way.
  const percent = Math.min(99, Math.floor((100 * bytes) / expected));
  return html`<div class="progress"><progress max="100" value="${percent}">${percent} %</progress><span class="share" aria-hidden="true">${percent} %</span></div>`;
}

function remaining({ bytes, expectedBytes, bytesPerSecond }: TransferShown): Html | null {
  if (expectedBytes === null || bytesPerSecond === 0) return null;
  return html`, about ${durationText((expectedBytes - bytes) / bytesPerSecond)} left`;
}

function legs(client: TransferShown['clientData'], backend: TransferShown['backendData']): Html {
  const text = (leg: TransferShown['clientData']) =>
    leg === null ? 'not there yet' : (leg.tls?.version ?? 'in clear');
  return html`client ${text(client)}, backend ${text(backend)}`;
}

/** The open sessions, as far as they were asked for. */
export function sessionsSection({ sessions, total }: SessionsShown): Html {
  const more = total - sessions.length;
  const content =
    sessions.length === 0
      ? html`<p class="none">Nobody is here.</p>`
      : html`<div class="scroll"><table><thead><tr><th scope="col">Session</th><th scope="col">Client</th><th scope="col">User</th><th scope="col">Listener</th><th scope="col">Backend</th><th scope="col">State</th><th scope="col">TLS</th><th scope="col" class="number">Age</th><th scope="col" class="number">Transfers</th><th scope="col" class="number">Up</th><th scope="col" class="number">Down</th></tr></thead>
<tbody>${sessions.map(sessionRow)}</tbody></table></div>
${more > 0 ? html`<p class="more">${more.toLocaleString('en')} more: <a href="/sessions">/sessions</a></p>` : null}`;
  return html`<section aria-labelledby="sessions"><h2 id="sessions">Sessions <span class="count">${total.toLocaleString('en')}</span></h2>${content}</section>`;
}

const STATES = {
  login: ['Logging in', 'fair'],
  ready: ['Idle', 'plain'],
  transferring: ['Transferring', 'good'],
  closing: ['Closing', 'plain'],
} as const;

function sessionRow(session: SessionShown): Html {
  const { id, worker, client, user, listener, mode, backend, phase, seconds, transfers, failedTransfers } = session;
  const [state, judgement] = STATES[phase];
  const failed = failedTransfers > 0 ? html` <span class="bad-text">(${failedTransfers} failed)</span>` : null;
  return html`<tr>
<td class="mono">${id}${worker === null ? null : html` <span class="dim">w${worker}</span>`}</td><td class="mono">${client}</td>
<td class="name">${user ?? html`<span class="dim">–</span>`}</td><td>${listener} <span class="dim">${mode}</span></td>
<td>${backend ?? html`<span class="dim">–</span>`}</td><td><span class="pill ${judgement}">${state}</span></td>
<td>${security(session)}</td>
<td class="number">${durationText(seconds)}</td><td class="number">${transfers.toLocaleString('en')}${failed}</td>
<td class="number">${bytesText(session.bytesUploaded)}</td><td class="number">${bytesText(session.bytesDownloaded)}</td>
</tr>`;
}

function security({ tls, cleared }: SessionShown): Html {
  if (tls === null) return html`<span class="bad-text">in clear</span>`;
  const { version, cipher, clientCertificate } = tls;
  const certificate = clientCertificate && html` <span class="dim" title="${clientCertificate}">cert</span>`;
  const until = cleared
    ? html` <span class="bad-text" title="CCC: the control connection is in clear">cleared</span>`
    : null;
  return html`<span title="${cipher}">${version}</span>${certificate}${until}`;
}
