/**
 * What an FTPS backend shows to everybody: that AUTH is accepted, TLS version and cipher, and its certificate, with a verdict on it.
 */
import { Backend } from '../../backends/backend.ts';
import type { BackendLink } from '../../backends/backend-link.ts';
import { ERRORS } from '../../errors/errors.ts';
import { formatEndpoint } from '../../net/address.ts';
import type { BackendCertificate } from '../../tls/backend-contexts.ts';
import { printable } from '../../wire/redact.ts';
import { type Finding, failed, failure, ok, warning } from './finding.ts';
import { openProbeLink, type Probe } from './probe.ts';

/** Certificates that end within this time deserve a warning (milliseconds). */
const SOON = 30 * 86_400_000;

/** An encrypted link for further questions; undefined where there is none, or where it must not be trusted. */
export interface SecuredProbe {
  readonly link: BackendLink | undefined;
  readonly findings: readonly Finding[];
}

/** Connects as the gateway does, but for looking at the certificate: that is told, whatever it is. */
export async function probeTls(probe: Probe): Promise<SecuredProbe> {
  const { config } = probe.backend;
  const started = performance.now();
  let link: BackendLink;
  try {
    // Nothing is said on this link that a stranger must not hear.
    link = await openProbeLink({ ...probe, backend: new Backend({ ...config, verify: false }) });
  } catch (error) {
    return { link: undefined, findings: [failure('connection', error)] };
  }
  const milliseconds = Math.round(performance.now() - started);
  const { address, port } = link.peer;
  const where = `connected to ${formatEndpoint(link.peer)}, greeted and encrypted in ${milliseconds} ms`;
  const certificate = describeCertificate(link.tls?.certificate, config.verify);
  const findings = [
    ok('connection', where, { address, port, milliseconds }),
    describeTls(link, config.tls),
    certificate,
  ];
  if (certificate.level !== 'failed') return { link, findings };
  link.close();
  return { link: undefined, findings };
}

function describeTls({ tls }: BackendLink, entrance: string): Finding {
  const { version = '', cipher = '' } = tls?.facts ?? {};
  const how = entrance === 'explicit' ? 'after AUTH TLS (234)' : 'from the first byte';
  return ok('TLS', `${version}, ${cipher}, ${how}`, { version, cipher });
}

function describeCertificate(certificate: BackendCertificate | undefined, verify: boolean): Finding {
  const check = 'certificate';
  const { remedy } = ERRORS['backend-certificate-invalid'];
  if (certificate === undefined) return failed(check, 'it shows no certificate', remedy);
  const { problem, fingerprint, notAfter } = certificate;
  const [subject, issuer] = [printable(certificate.subject), printable(certificate.issuer)];
  const ends = notAfter.toISOString();
  const facts = { subject, issuer, notAfter: ends, fingerprint, verified: problem === undefined };
  const text = `${subject}, from ${issuer}, until ${ends}, SHA-256 ${fingerprint}`;
  if (problem !== undefined && verify) return failed(check, `${problem}: ${text}`, remedy, facts);
  if (problem !== undefined) {
    const danger = 'verify is false: whoever is between gateway and backend can read passwords and files.';
    return warning(check, `not verified, ${problem}: ${text}`, danger, facts);
  }
  if (notAfter.getTime() - Date.now() < SOON) return warning(check, `verified: ${text}`, 'It ends soon.', facts);
  return ok(check, `verified: ${text}`, facts);
}
