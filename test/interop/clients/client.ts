/**
 * What every client of the interop suite is: a real FTP client that carries out a list of steps, in one session where the client can keep
 * one. Remote paths are relative to the login folder, one character per byte (Latin-1); local paths are ordinary ASCII paths.
 */
import type { Packages } from '../../support/debian-packages.ts';
import type { ProgramResult } from '../../support/processes.ts';

/** How a session is protected: not at all, by AUTH TLS with PROT P, or by TLS from the first byte. */
export type Security = 'plain' | 'explicit' | 'implicit';
/** The one version of TLS that the client is told to speak. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Whom to connect to and as whom. `authority` is the path of the CA certificate that the client must trust, and nothing else. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  readonly tls: TlsVersion;
  readonly authority: string;
  readonly user: string;
  readonly password: string;
  /** Whether the client waits for data connections instead of making them. Not every client can. */
  readonly active?: boolean;
  /** Whether the client gives TLS up behind the login (CCC): who ends TLS first where the client can choose. */
  readonly ccc?: 'client-first' | 'gateway-first' | undefined;
  /** Paths of the PEM files of a certificate that it shows. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** One thing to do. A listing is written into the local file `into`, as the client shows it. */
export type Step =
  | { readonly do: 'list'; readonly folder: string; readonly into: string }
  | { readonly do: 'upload'; readonly local: string; readonly remote: string }
  | { readonly do: 'download'; readonly remote: string; readonly local: string }
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  | { readonly do: 'delete'; readonly remote: string }
  | { readonly do: 'make folder'; readonly folder: string }
  | { readonly do: 'remove folder'; readonly folder: string };

/** A real client. */
export interface ClientProgram {
  readonly name: string;
  /** Whether it can change anything, or only list and download. */
  readonly writes: boolean;
  /** Whether all steps of one call travel over one control connection. */
  readonly keepsSession: boolean;
  /** Whether it can upload a file of no bytes over TLS. */
  readonly sendsNothing: boolean;
  /** How a name stands in its listings, where that is not byte for byte. */
  readonly listedName?: (name: string) => string;
  /** Carries out the steps in order. Rejects with what the client said at the first that fails, or after `limit` milliseconds. */
  perform(packages: Packages, target: Target, steps: readonly Step[], limit?: number): Promise<void>;
}

/** Time for one call of `perform`, milliseconds, unless told otherwise. */
export const PERFORM_LIMIT = 30_000;

/** Throws an Error with the end of what a client said, unless it succeeded. */
export function expectSuccess(name: string, result: ProgramResult): void {
  if (result.code === 0) return;
  const said = `${result.output}\n${result.errors}`.trim().slice(-4_000);
  throw new Error(`${name} ended with ${result.signal ?? result.code}:\n${said}`);
}

/** `127.0.0.1` or `[::1]`, as it stands in a URL. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** A path for a URL: every byte but letters, digits, `/`, `.`, `_` and `-` percent-encoded. */
export function urlPath(path: string): string {
  return path.replace(
    /[^A-Za-z0-9/._-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
