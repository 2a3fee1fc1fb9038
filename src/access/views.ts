/**
 * Views: what one word on a route means, as rules. They stand before all others, and only deny.
 */
import type { AccessRuleConfig } from '../config/access.ts';

/** What one word on a route means. */
export type View = 'readOnly' | 'uploadOnly';

/** The view of a route; undefined where it shows everything. */
export function viewOf(
  route: { readonly readOnly: boolean; readonly uploadOnly: boolean } | undefined,
): View | undefined {
  if (route?.readOnly === true) return 'readOnly';
  return route?.uploadOnly === true ? 'uploadOnly' : undefined;
}

const DENIED: Readonly<Record<View, readonly string[]>> = {
  readOnly: ['write', 'delete', 'rename', 'directories', 'attributes', 'site'],
  // STOR and STOU stay, and MKD, so that a tree of folders can be sent.
  uploadOnly: ['read', 'list', 'delete', 'rename', 'attributes', 'site', 'APPE', 'RMD'],
};

/** The rules of a view. */
export function viewRules(view: View | undefined): readonly AccessRuleConfig[] {
  return view === undefined ? [] : [RULES[view]];
}

const RULES: Readonly<Record<View, AccessRuleConfig>> = {
  readOnly: ruleOf('readOnly'),
  uploadOnly: ruleOf('uploadOnly'),
};

function ruleOf(name: View): AccessRuleConfig {
  return {
    name,
    match: {
      ...{ listener: null, servername: null, host: null, user: null, clients: null, backend: null, group: null },
      clientCertificate: { subject: null, subjectAltName: null, fingerprint: null },
      time: { days: null, from: 0, to: 24 * 60, zone: 'UTC' },
      commands: DENIED[name],
      paths: null,
    },
    effect: 'deny',
    reply: null,
  };
}
