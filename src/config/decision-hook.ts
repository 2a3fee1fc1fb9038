/**
 * The part of the configuration about the decision hook, a service of the operator that is asked at each login. Pure
 * except for {@link checkDecisionHookFile}. Its answers are in `decision.ts`; who asks is in `src/policy/decision-hook.ts`.
 */
import { z } from 'zod';
import { value } from './field-facts.ts';
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';
import { checkSecretFile } from './secret-file.ts';
import * as text from './text-fields.ts';

const PASSWORDS = ['omit', 'send'] as const;
const FAILURES = ['deny', 'route'] as const;

/** How the operator's service is asked. */
export interface DecisionHookConfig {
  /** null: nobody is asked. */
  readonly url: string | null;
  /** Milliseconds. */
  readonly timeout: number;
  /** For how long an answer holds for the same question (milliseconds); null: for this login only. */
  readonly cache: number | null;
  /** Path of a file with the key that signs questions. */
  readonly secretFile: string | null;
  readonly password: (typeof PASSWORDS)[number];
  /** What happens to a login when no usable answer comes. */
  readonly onFailure: (typeof FAILURES)[number];
}

/** The section as a person writes it. */
export const DECISION_HOOK = field.section('A service of yours that decides about each login over HTTP.', {
  url: value(
    z
      .string({ error: 'an http or https URL, or null' })
      .refine((given) => /^https?:$/.test(URL.parse(given)?.protocol ?? ''), { error: 'an http or https URL, or null' })
      .nullable(),
    'URL or null',
    {
      meaning:
        'Where the question is posted as JSON; null asks nobody. In clear (http) only to this host itself: the answer decides about logins.',
      default: null,
    },
  ),
  timeout: field.duration({ meaning: 'For the whole answer.', default: '2s' }),
  cache: value(field.duration({ meaning: '' }).nullable(), 'duration or null', {
    meaning:
      'For how long an answer counts for the same question (listener, address, names, user, certificate); null asks anew at each login. A question with a password is always asked anew.',
    default: null,
  }),
  secretFile: text.fileOrNull({
    meaning:
      'File whose first line is the key that signs each question: HMAC-SHA256 in the header `x-sallyport-signature`. Relative to the folder of this configuration.',
    default: null,
  }),
  password: field.choice(PASSWORDS, {
    meaning: '`send` asks at PASS, with the password of the client. `omit` asks at USER, without it.',
    default: 'omit',
  }),
  onFailure: field.choice(FAILURES, {
    meaning:
      'When no usable answer comes: `deny` refuses the login, `route` goes on as if nobody was to be asked (fails open).',
    default: 'deny',
  }),
});

/** What is contradictory or dangerous. */
export function decisionHookErrors({ url, password }: DecisionHookConfig): ConfigProblem[] {
  if (url === null) {
    return password === 'omit'
      ? []
      : [{ path: 'decisionHook.password', message: 'found "send", but decisionHook.url is null: nobody is asked' }];
  }
  const { protocol, hostname, username, password: secret } = new URL(url);
  const named =
    username === '' && secret === ''
      ? []
      : [{ path: 'decisionHook.url', message: 'expected neither user name nor password in it' }];
  if (protocol === 'https:' || isLoopback(hostname)) return named;
  const message = `found http to ${hostname}, expected https, or http to a loopback address`;
  return [...named, { path: 'decisionHook.url', message }];
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** What is allowed but doubtful. */
export function decisionHookWarnings({ url, onFailure }: DecisionHookConfig): ConfigProblem[] {
  if (url === null || onFailure === 'deny') return [];
  return [{ path: 'decisionHook.onFailure', message: 'logins go on without a decision when the service is down' }];
}

/** Reads the file with the key. Never rejects: a file that cannot be used is an error found. */
export function checkDecisionHookFile({ secretFile }: DecisionHookConfig): Promise<ConfigProblem[]> {
  return checkSecretFile('decisionHook.secretFile', secretFile);
}
