/**
 * The rules about encryption: who may go on in clear. Pure: counts nothing and answers nobody.
 */
import type { Policy, PolicyMode } from '../config/schema.ts';

/** The rules that ask for encryption. */
export type ProtectionRule = 'requireTls' | 'requireProtP';

/** What a rule says: nothing against it, let through and told, or not let through. */
export type Judgement = 'allow' | 'report' | 'deny';

/** May this happen under the rule? `satisfied`: the encryption that the rule asks for is in force. */
export function judge(policy: Policy, rule: ProtectionRule, satisfied: boolean): Judgement {
  const mode: PolicyMode = policy[rule];
  if (satisfied || mode === 'off') return 'allow';
  return mode === 'enforce' ? 'deny' : 'report';
}
