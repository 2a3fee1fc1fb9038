/**
 * Resolves the DNS names of a configuration in the way in which the gateway does it. Connects to nothing.
 */
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { within } from '../../backends/within.ts';
import type { Config } from '../../config/schema.ts';
import { ERRORS } from '../../errors/errors.ts';
import { type Finding, failed, ok } from './finding.ts';

const REMEDY = ERRORS['advertised-address-unknown'].remedy;

/** One finding for each name that clients are told in replies to PASV: it needs an IPv4 address (RFC 959 §4.1.2). */
export async function checkAdvertisedNames({ data, timeouts }: Config): Promise<readonly Finding[]> {
  const names = new Set(data.passive.advertise.map(({ address }) => address).filter((address) => isIP(address) === 0));
  return Promise.all([...names].map((name) => checkAdvertisedName(name, timeouts.backendConnect)));
}

async function checkAdvertisedName(name: string, timeout: number): Promise<Finding> {
  const resolver = new Resolver({ timeout, tries: 1 });
  const finding = await resolved(name, resolver.resolve4(name), timeout);
  resolver.cancel();
  return { ...finding, check: name };
}

/** What the name of a backend resolves to; undefined where its host is an address. `timeout` is milliseconds. */
export async function checkBackendName(host: string, timeout: number): Promise<Finding | undefined> {
  if (isIP(host) !== 0) return undefined;
  const found = lookup(host, { all: true }).then((answers) => answers.map(({ address }) => address));
  return resolved(host, found, timeout);
}

async function resolved(name: string, answer: Promise<readonly string[]>, timeout: number): Promise<Finding> {
  const check = 'name';
  try {
    const addresses = await within(answer, timeout);
    if (addresses === undefined) return failed(check, `no answer for ${name} within ${timeout} ms`, REMEDY, { name });
    if (addresses.length === 0) return failed(check, `${name} has no address`, REMEDY, { name });
    return ok(check, addresses.join(', '), { name, addresses });
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return failed(check, `${name} cannot be resolved: ${reason}`, REMEDY, { name, reason });
  }
}
