/**
 * Backends, passive ports and certificates on the status page.
 */
import type { BackendShown, CertificateShown, PassivePortsShown } from './answers.ts';
import { type Html, html } from './html.ts';

/** Days from which on a certificate is coloured. */
const SOON = 30;
const NOW = 7;

/** All backends with their state. */
export function backendsSection(backends: readonly BackendShown[]): Html {
  return html`<section aria-labelledby="backends"><h2 id="backends">Backends</h2>
<div class="scroll"><table><thead><tr><th scope="col">Backend</th><th scope="col">State</th><th scope="col" class="number">Sessions</th><th scope="col" class="number">Connects in</th></tr></thead>
<tbody>${backends.map(backendRow)}</tbody></table></div></section>`;
}

function backendRow(backend: BackendShown): Html {
  const { name, host, port, tls, sessions, maxSessions, milliseconds, lastFailure, state, drained } = backend;
  const judgement = { up: 'good', down: 'bad', unknown: 'plain' }[state];
  const failure =
    state === 'up' || lastFailure === null
      ? null
      : html`<br><a class="bad-text" href="/errors#${lastFailure.code}">${lastFailure.code}</a>`;
  return html`<tr><td><strong>${name}</strong><br><span class="dim mono">${host}:${port}</span> <span class="dim">${tls === 'off' ? 'plain FTP' : `FTPS ${tls}`}</span></td>
<td><span class="pill ${judgement}">${state}</span>${drained ? html` <span class="pill fair">drained</span>` : null}${failure}</td>
<td class="number">${sessions}${maxSessions === null ? null : html` <span class="dim">of ${maxSessions}</span>`}</td>
<td class="number">${milliseconds === null ? html`<span class="dim">–</span>` : `${milliseconds} ms`}</td></tr>`;
}

/** The passive range, as a whole and by process. */
export function portsSection({ used, free, waiting, slices }: PassivePortsShown): Html {
  const total = used + free;
  const meter = (part: number, whole: number) =>
    html`<meter min="0" max="${Math.max(whole, 1)}" value="${part}">${part} of ${whole}</meter>`;
  const rows =
    slices.length < 2
      ? null
      : html`<table><thead><tr><th scope="col">Worker</th><th scope="col">Ports</th><th scope="col" class="number">Used</th></tr></thead><tbody>${slices.map(
          (slice) =>
            html`<tr><td>${slice.worker}</td><td class="mono">${slice.ports}</td><td class="number">${slice.used} of ${slice.used + slice.free}</td></tr>`,
        )}</tbody></table>`;
  const [only] = slices;
  const range = slices.length === 1 && only !== undefined ? html` <span class="mono">${only.ports}</span>` : null;
  return html`<section aria-labelledby="ports"><h2 id="ports">Data ports${range}</h2>
<p class="meter">${meter(used, total)} <span>${used} used, ${free} free${waiting > used ? html`, ${waiting} data connections awaited` : null}</span></p>${rows}</section>`;
}

/** The certificates with the days that they still hold. */
export function certificatesSection(certificates: readonly CertificateShown[]): Html {
  const content =
    certificates.length === 0
      ? html`<p class="none">None: nothing is encrypted.</p>`
      : html`<table><thead><tr><th scope="col">Certificate</th><th scope="col" class="number">Days left</th></tr></thead>
<tbody>${certificates.map(certificateRow)}</tbody></table>`;
  return html`<section aria-labelledby="certificates"><h2 id="certificates">Certificates</h2>${content}</section>`;
}

function certificateRow({ name, subject, names, notAfter, daysLeft }: CertificateShown): Html {
  const judgement = daysLeft <= NOW ? 'bad' : daysLeft <= SOON ? 'fair' : 'good';
  const text = daysLeft < 0 ? 'expired' : daysLeft;
  return html`<tr><td><strong>${subject}</strong><br><span class="dim">${names.map((each) => each.replace(/^[^:]*:/, '')).join(', ')}</span><br><span class="dim mono">${name}</span></td>
<td class="number"><span class="pill ${judgement}">${text}</span><br><time class="dim" datetime="${notAfter}">${notAfter.slice(0, 10)}</time></td></tr>`;
}
