/**
 * `sallyport certs`: writes a development authority, a server certificate and client certificates into a folder.
 */
import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type GeneratedCertificate,
  generateAuthority,
  generateClientCertificate,
  generateServerCertificate,
  UnusableAuthorityError,
} from '../certs/generate.ts';
import { inspectCertificate } from '../certs/inspect.ts';
import { CommandFailure, EXIT } from './outcome.ts';

interface CertsOptions {
  readonly name?: readonly string[];
  readonly client?: readonly string[];
  readonly force?: true;
  readonly json?: true;
}

/** A certificate as it was made, or found in the folder. */
interface Pair {
  readonly purpose: 'authority' | 'server' | 'client';
  /** Name of its files, without extension. */
  readonly base: string;
  readonly state: 'made' | 'kept';
  readonly certificate: GeneratedCertificate;
}

/** What is told of it. */
interface Written {
  readonly purpose: Pair['purpose'];
  /** Paths. */
  readonly cert: string;
  readonly key: string;
  readonly state: Pair['state'];
  readonly subject: string;
  readonly names: readonly string[];
  readonly notAfter: string;
}

/** A certificate that is to be made. */
interface Wanted {
  readonly purpose: 'server' | 'client';
  readonly base: string;
  make(authority: GeneratedCertificate): Promise<GeneratedCertificate>;
}

/** Adds the command. */
export function addCertsCommand(program: Command): void {
  program
    .command('certs')
    .summary('make a development CA, a server certificate and client certificates')
    .description(
      'Makes ca.crt and ca.key (re-used where they are there already), tls.crt and tls.key, and with --client ' +
        'client-NAME.crt and client-NAME.key. For development: keys are files, readable by you alone.',
    )
    .argument('[dir]', 'folder to write to', 'certs')
    .option(
      '--name <name>',
      'DNS name or IP address of the server; may be repeated (default: localhost and this host)',
      collect,
    )
    .option('--client <name>', 'make a client certificate with this common name; may be repeated', collect)
    .option('--force', 'replace certificates that are there already (the CA is always kept)')
    .option('--json', 'print JSON')
    .action(async (folder: string, options: CertsOptions) => {
      const written = await makeCertificates(folder, options);
      process.stdout.write(options.json ? `${JSON.stringify(written, undefined, 2)}\n` : describe(folder, written));
    });
}

function collect(name: string, names: readonly string[] = []): readonly string[] {
  return [...names, name];
}

async function makeCertificates(folder: string, options: CertsOptions): Promise<readonly Written[]> {
  const wanted = await choose(folder, options);
  if (options.force === undefined) await refuseToOverwrite(folder, wanted);
  const authority = await findOrMakeAuthority(folder);
  const pairs: Pair[] = [authority];
  for (const { purpose, base, make } of wanted) {
    pairs.push({ purpose, base, state: 'made', certificate: await signed(folder, make, authority.certificate) });
  }
  // Nothing is written before everything was made: a mistake leaves the folder as it was.
  await mkdir(folder, { recursive: true });
  for (const pair of pairs) if (pair.state === 'made') await writePair(folder, pair);
  return pairs.map((pair) => describePair(folder, pair));
}

async function signed(
  folder: string,
  make: Wanted['make'],
  authority: GeneratedCertificate,
): Promise<GeneratedCertificate> {
  try {
    return await make(authority);
  } catch (error) {
    if (error instanceof RangeError) throw new CommandFailure(error.message, EXIT.usage);
    if (error instanceof UnusableAuthorityError)
      throw new CommandFailure(`${join(folder, 'ca.crt')}: ${error.message}`);
    throw error;
  }
}

/** Somebody who only adds clients to a folder keeps its server certificate. */
async function choose(folder: string, options: CertsOptions): Promise<readonly Wanted[]> {
  const { name: names, client: clients = [] } = options;
  const onlyClients = names === undefined && clients.length > 0 && (await exists(join(folder, 'tls.crt')));
  const server: Wanted = {
    purpose: 'server',
    base: 'tls',
    make: (authority) => generateServerCertificate(authority, { names: names ?? defaultNames() }),
  };
  const made = [...new Set(clients)].map(
    (commonName): Wanted => ({
      purpose: 'client',
      base: `client-${commonName.replaceAll(/[^\p{L}\p{N}@._-]+/gu, '-')}`,
      make: (authority) => generateClientCertificate(authority, { commonName }),
    }),
  );
  const wanted = onlyClients ? made : [server, ...made];
  const twice = wanted.find(({ base }, place) => wanted.findIndex((other) => other.base === base) !== place);
  if (twice !== undefined)
    throw new CommandFailure(`two client names mean the same file ${twice.base}.crt`, EXIT.usage);
  return wanted;
}

function defaultNames(): readonly string[] {
  const own = hostname().toLowerCase();
  return ['localhost', '127.0.0.1', '::1', ...(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(own) ? [own] : [])];
}

async function refuseToOverwrite(folder: string, wanted: readonly Wanted[]): Promise<void> {
  const files = wanted.flatMap(({ base }) => [join(folder, `${base}.crt`), join(folder, `${base}.key`)]);
  const present: string[] = [];
  for (const file of files) if (await exists(file)) present.push(file);
  if (present.length === 0) return;
  const verb = present.length === 1 ? 'is' : 'are';
  throw new CommandFailure(`${present.join(', ')} ${verb} there already; --force replaces them (and keeps the CA)`);
}

async function findOrMakeAuthority(folder: string): Promise<Pair> {
  const [cert, key] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  const [hasCert, hasKey] = [await exists(cert), await exists(key)];
  const authority = { purpose: 'authority', base: 'ca' } as const;
  if (!hasCert && !hasKey) return { ...authority, state: 'made', certificate: await generateAuthority() };
  if (hasCert && hasKey) {
    const certificate = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
    return { ...authority, state: 'kept', certificate };
  }
  const [found, missing] = hasCert ? [cert, key] : [key, cert];
  throw new CommandFailure(`found ${found} without ${missing}: bring it back, or move the other one away`);
}

function describePair(folder: string, { purpose, base, state, certificate }: Pair): Written {
  const { subject, names, notAfter } = inspectCertificate(certificate.cert);
  const [cert, key] = [join(folder, `${base}.crt`), join(folder, `${base}.key`)];
  return { purpose, cert, key, state, subject, names, notAfter: notAfter.toISOString() };
}

/** The key first: a certificate without its key is worse than a key without its certificate. */
async function writePair(folder: string, { base, certificate: { cert, key } }: Pair): Promise<void> {
  await replaceFile(join(folder, `${base}.key`), key, 0o600);
  await replaceFile(join(folder, `${base}.crt`), cert, 0o644);
}

/** Whoever reads the file sees the old text or the new one; permissions of an old file do not live on. */
async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(draft, text, { mode, flag: 'wx' });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function describe(folder: string, written: readonly Written[]): string {
  const lines = written.map(({ purpose, cert, key, state, subject, names, notAfter }) => {
    const whom = names.length === 0 ? subject : names.join(', ');
    return `${state} ${purpose.padEnd(9)} ${cert}, ${key}: ${whom}; until ${notAfter.slice(0, 10)}`;
  });
  return `${lines.join('\n')}\nClients trust ${join(folder, 'ca.crt')}; keep ${join(folder, 'ca.key')} to yourself.\n`;
}
