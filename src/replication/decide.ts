/**
 * Whose is a data connection, of several replicas? From what each of them says of its own sessions. Pure.
 */
import type { Prospect } from '../data/prospect.ts';

/** What a replica says of a connection, with whatever stands for the replica. */
export interface Statement<R> {
  readonly replica: R;
  readonly prospect: Prospect;
}

/** Who could not be asked. `perhaps`: its sessions may live, or may have lived a moment ago. */
export interface Silent {
  readonly perhaps: boolean;
}

/** What becomes of the connection. `contest`: TLS must say which of these it is for. */
export type Decision<R> =
  | { readonly kind: 'give'; readonly to: R }
  | { readonly kind: 'contest'; readonly among: readonly R[] }
  | { readonly kind: 'nobody'; readonly cause: 'unexpected' | 'owner-gone' };

/**
 * Decides. The statements were made after the connection had arrived, so that it belongs to nobody who has begun to wait later. Where port
 * and address leave a doubt, TLS decides: a connection that was for another session must never be given to one.
 */
export function decide<R>(statements: readonly Statement<R>[], silent: readonly Silent[]): Decision<R> {
  const holders = statements.filter(({ prospect: { here, able } }) => here + able > 0);
  const [only] = holders;
  const perhaps = silent.some((each) => each.perhaps);
  if (only === undefined) return { kind: 'nobody', cause: perhaps ? 'owner-gone' : 'unexpected' };
  const doubtful = (replica: R) =>
    perhaps || statements.some((other) => other.replica !== replica && other.prospect.ghost);
  // Its own rendezvous knows better than we do, who of several there is meant.
  if (holders.length === 1 && !doubtful(only.replica)) return { kind: 'give', to: only.replica };
  const here = holders.filter(({ prospect }) => prospect.here > 0);
  const [named] = here;
  const isSure = named !== undefined && here.length === 1 && named.prospect.here === 1 && !named.prospect.proof;
  if (isSure && !doubtful(named.replica)) return { kind: 'give', to: named.replica };
  return { kind: 'contest', among: holders.map(({ replica }) => replica) };
}
