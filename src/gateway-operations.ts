/**
 * What one gateway answers to the side port about itself, and the orders that it carries out. Plain data only.
 */
import type * as answers from './admin/answers.ts';
import { byInterest } from './admin/joint-operations.ts';
import type { GatewayOperations } from './admin/operations.ts';
import { NO_REPLICAS, type ReplicasShown } from './admin/replica-answers.ts';
import type { Backend } from './backends/backend.ts';
import { portsText } from './config/worker-slices.ts';
import { GatewayError } from './errors/errors.ts';
import type { Gateway } from './gateway.ts';
import type { Metrics } from './observe/metrics.ts';
import { shown } from './observe/record-fields.ts';
import type { Session } from './session/session.ts';

/** Milliseconds. */
const DAY = 86_400_000;

/** The operations of this gateway. Which process it runs in is not known here: `worker` is null. */
export function gatewayOperations(gateway: Gateway, metrics: Metrics): GatewayOperations {
  const find = (id: string) => [...gateway.sessions].find((session) => session.snapshot().id === id);
  const drain = (name: string, drained: boolean): boolean => {
    if (!gateway.backends.some((backend) => backend.name === name)) return false;
    if (drained) gateway.drained.add(name);
    else gateway.drained.delete(name);
    metrics.backendDrained(name, drained);
    return true;
  };
  return {
    sessions(limit) {
      const all = [...gateway.sessions].map(sessionShown);
      return { total: all.length, sessions: all.sort(byInterest).slice(0, limit) };
    },
    session(id) {
      const session = find(id);
      return session && sessionShown(session);
    },
    endSession(id) {
      const session = find(id);
      session?.close(new GatewayError('ended-by-operator'));
      return session !== undefined;
    },
    backends: () => gateway.backends.map(backendShown),
    drainBackend: (name) => drain(name, true),
    undrainBackend: (name) => drain(name, false),
    passivePorts() {
      const { ports, free, waiting } = gateway.passivePorts;
      return { worker: null, ports: portsText(ports), used: ports.length - free, free, waiting };
    },
    certificates: () =>
      gateway.certificates.map(({ name, subject, subjectAltNames, notAfter }) => ({
        ...{ name, subject, names: subjectAltNames },
        notAfter: notAfter.toISOString(),
        daysLeft: Math.floor((notAfter.getTime() - Date.now()) / DAY),
      })),
    bandwidths: () =>
      gateway.bandwidth.usage.map(({ scope, whose, way, most, ...rest }) => ({
        ...{ ...rest, scope, whose: shown(whose) ?? '', direction: way },
        most: most === 'unlimited' ? null : most,
      })),
    failures: () => ({
      failures: gateway.failures.last.map(({ at, user, backend, detail, ...rest }) => ({
        ...rest,
        at: at.toISOString(),
        user: user ?? null,
        backend: backend ?? null,
        detail: detail ?? null,
      })),
      counts: gateway.failures.counts.map(({ last, ...rest }) => ({ ...rest, last: last.toISOString() })),
    }),
  };
}

/** The other replicas, as this one sees them. */
export function replicasShown({ replication }: Gateway): ReplicasShown {
  if (replication === undefined) return NO_REPLICAS;
  const { index, others, conveyed } = replication;
  return { index, others: others.map(({ ports, ...other }) => ({ ...other, ports: ports ?? null })), conveyed };
}

function sessionShown(session: Session): answers.SessionShown {
  return { ...session.snapshot(), worker: null };
}

function backendShown(backend: Backend): answers.BackendShown {
  const { name, host, port, tls, weight, maxSessions } = backend.config;
  const { lastFailure, latency } = backend;
  return {
    ...{ name, host, port, tls, weight },
    state: backend.availability,
    drained: backend.isDrained,
    sessions: backend.sessions,
    maxSessions: maxSessions === 'unlimited' ? null : maxSessions,
    milliseconds: latency === undefined ? null : Math.round(latency),
    lastFailure:
      lastFailure === undefined
        ? null
        : {
            at: lastFailure.at.toISOString(),
            code: lastFailure.reason.code,
            detail: shown(lastFailure.reason.detail) ?? null,
          },
  };
}
