/**
 * What a backend is told and asked as soon as a client is logged in there, before the client's next command.
 */
import { viewOf } from '../access/views.ts';
import type { BackendLink } from '../backends/backend-link.ts';
import { CurrentDirectory } from './current-directory.ts';
import { FileGate } from './file-gate.ts';
import type { SessionOptions } from './session-options.ts';
import type { Standing } from './standing.ts';

/**
 * What the client said before the login and is for the backend; which rules hold for it; then, where somebody needs to know it, in which
 * folder the backend is. `user` is Latin-1, as the client said it.
 */
export function settleIn(
  user: string,
  link: BackendLink,
  standing: Standing,
  { environment, listener, observer }: SessionOptions,
): void {
  const { audit, routes, access } = environment;
  for (const command of standing.remembered.splice(0)) link.exchange(command).catch(() => {});
  const { host, clientCertificate, tls } = standing;
  const { address } = observer.account.facts.client;
  const facts = { ...{ listener: listener.name, address, user, host, clientCertificate }, servername: tls?.servername };
  const { name, paths } = link.backend.config;
  const whole = { ...facts, backend: name, groups: standing.rules.groups };
  const rules = access.forSession(whole, viewOf(routes.configOf(facts)), paths);
  const { root } = standing;
  // Who has a root is where it says itself.
  const asks = root === undefined && (audit.on || rules?.needPaths === true);
  if (asks) standing.directory = new CurrentDirectory(link);
  if (rules === undefined) return;
  standing.files = new FileGate({ rules, link, directory: standing.directory, view: root, observer });
}
