/**
 * The status page: everything that an operator looks at first, in one page without scripts. It only shows; what is true comes
 * from the operations.
 */

import type * as answers from './answers.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';
import { countText, durationText } from './number-text.ts';
import type { Operations, Readiness } from './operations.ts';
import { backendsSection, certificatesSection, portsSection } from './status-facilities.ts';
import { failuresSection } from './status-failures.ts';
import { limitsSection } from './status-limits.ts';
import { sessionsSection, transfersSection } from './status-sessions.ts';

/** Seconds until the page asks for itself again. */
export const REFRESHES = ['2', '5', '30', 'off'];

/** Sessions that are asked for; more are only counted. */
const MOST_SESSIONS = 50;

/** Everything that is shown, read at one time. */
interface State {
  readonly readiness: Readiness;
  readonly sessions: answers.SessionsShown;
  readonly backends: answers.BackendsShown;
  readonly ports: answers.PassivePortsShown;
  readonly certificates: answers.CertificatesShown;
  readonly failures: answers.FailuresShown;
  readonly bans: readonly answers.BanShown[];
}

/** The page. `refresh` is one of {@link REFRESHES}. */
export async function statusPage(operations: Operations, refresh: string): Promise<Html> {
  const [readiness, sessions, backends, ports, certificates, failures, limits] = await Promise.all([
    operations.readiness(),
    operations.sessions(MOST_SESSIONS),
    operations.backends(),
    operations.passivePorts(),
    operations.certificates(),
    operations.failures(),
    operations.limits(),
  ]);
  const state: State = { readiness, sessions, backends, ports, certificates, failures, bans: operations.bans() };
  const { version, startedAt, workers } = operations.about;
  const now = new Date();
  const uptime = durationText((now.getTime() - startedAt.getTime()) / 1000);
  return page({
    path: '/',
    title: readiness.ready ? 'Ready' : 'Not ready',
    version,
    refresh: refresh === 'off' ? undefined : Number(refresh),
    target: `/?refresh=${refresh}`,
    aside: html`<p class="meta">up ${uptime}${workers > 1 ? html` · ${workers} workers` : null} · <time datetime="${now.toISOString()}">${clock(now)} UTC</time></p>${refreshChoice(refresh)}`,
    content: html`${readinessBanner(readiness)}
${silenceBanner(state)}
${tiles(state)}
${transfersSection(sessions)}
${sessionsSection(sessions)}
<div class="columns">
${backendsSection(backends.backends)}
<div>
${portsSection(ports)}
${certificatesSection(certificates.certificates)}
</div>
</div>
${limitsSection(limits)}
${failuresSection(failures)}
${bansSection(state.bans)}`,
  });
}

/** The time of a day. */
export function clock(time: Date): string {
  return time.toISOString().slice(11, 19);
}

function refreshChoice(current: string): Html {
  const choices = REFRESHES.map((each) => {
    const chosen = each === current ? html` aria-current="true"` : null;
    return html`<a href="/?refresh=${each}"${chosen}>${each === 'off' ? 'off' : `${each} s`}</a>`;
  });
  return html`<nav class="refresh" aria-label="Refresh">Refresh ${choices}</nav>`;
}

function readinessBanner({ ready, reasons, warnings }: Readiness): Html {
  const list = (texts: readonly string[]) => html`<ul>${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
  const state = ready
    ? html`<p class="banner good" role="status"><strong>Ready.</strong> Clients are served.</p>`
    : html`<div class="banner bad" role="status"><strong>Not ready.</strong>${list(reasons)}</div>`;
  const doubts = html`<div class="banner fair" role="status"><strong>Look at this:</strong>${list(warnings)}</div>`;
  return html`${state}${warnings.length > 0 ? doubts : null}`;
}

/** Workers that did not answer one of the questions. */
function silenceBanner({ sessions, backends, ports }: State): Html | null {
  const silent = [...new Set([sessions, backends, ports].flatMap(({ silentWorkers }) => silentWorkers))].sort();
  if (silent.length === 0) return null;
  return html`<p class="banner bad" role="status"><strong>No answer</strong> from ${countText(silent.length, 'worker')}: ${silent.join(', ')}. What they do is missing here.</p>`;
}

function tiles({ sessions, backends, ports, certificates, failures, bans }: State): Html {
  const transfers = sessions.sessions.filter(({ transfer }) => transfer !== null).length;
  const up = backends.backends.filter(({ state, drained }) => state === 'up' && !drained).length;
  const days = Math.min(...certificates.certificates.map(({ daysLeft }) => daysLeft));
  const total = ports.used + ports.free;
  const failed = failures.counts.reduce((sum, { count }) => sum + count, 0);
  return html`<dl class="tiles">
${tile('Sessions', sessions.total, undefined)}
${tile('Transfers', transfers >= MOST_SESSIONS ? `${transfers}+` : transfers, undefined)}
${tile('Backends in use', `${up}/${backends.backends.length}`, up === 0 ? 'bad' : up < backends.backends.length ? 'fair' : 'good')}
${tile('Data ports used', `${ports.used}/${total}`, total > 0 && ports.free === 0 ? 'fair' : undefined)}
${tile('Certificate', Number.isFinite(days) ? `${days} d` : 'none', Number.isFinite(days) ? urgencyOf(days) : undefined)}
${tile('Failures', failed, undefined)}
${bans.length > 0 ? tile('Bans', bans.length, 'fair') : null}
</dl>`;
}

/** How soon a certificate must be renewed. */
function urgencyOf(days: number): 'good' | 'fair' | 'bad' {
  if (days <= 7) return 'bad';
  return days <= 30 ? 'fair' : 'good';
}

function tile(name: string, value: string | number, judgement: 'good' | 'fair' | 'bad' | undefined): Html {
  return html`<div class="tile ${judgement}"><dt>${name}</dt><dd>${value}</dd></div>`;
}

function bansSection(bans: readonly answers.BanShown[]): Html | null {
  if (bans.length === 0) return null;
  const rows = bans
    .slice(0, 20)
    .map(
      ({ address, until, failures }) =>
        html`<tr><td class="mono">${address}</td><td class="number">${failures}</td><td><time datetime="${until}">${until.slice(0, 16).replace('T', ' ')} UTC</time></td></tr>`,
    );
  const rest = bans.length > 20 ? html`<p class="more">${bans.length - 20} more: <a href="/bans">/bans</a></p>` : null;
  return html`<section aria-labelledby="bans"><h2 id="bans">Banned addresses</h2>
<div class="scroll"><table><thead><tr><th scope="col">Address</th><th scope="col" class="number">Failed logins</th><th scope="col">Until</th></tr></thead>
<tbody>${rows}</tbody></table></div>${rest}</section>`;
}
