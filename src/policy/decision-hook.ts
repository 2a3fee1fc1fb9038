/**
 * Asks the operator's service about a login: one POST of JSON, signed where a key is configured. Answers may be kept for a
 * while. Knows neither sessions nor backends, and lets no password into an error.
 */
import { createHash, createHmac } from 'node:crypto';
import { type Decision, parseDecision } from '../config/decision.ts';
import type { DecisionHookConfig } from '../config/decision-hook.ts';
import { readSecret } from '../config/secret-file.ts';
import { GatewayError } from '../errors/errors.ts';

/** What the service is told. Names as the client said them. */
export interface Question {
  readonly session: string;
  readonly listener: string;
  /** Address of the client. */
  readonly address: string;
  readonly servername: string | null;
  readonly host: string | null;
  readonly user: string;
  /** Only where the service asks for it. */
  readonly password?: string;
  /** Whether the control connection has TLS. */
  readonly secure: boolean;
  readonly clientCertificate: {
    readonly subject: string;
    readonly subjectAltNames: readonly string[];
    readonly fingerprint: string;
  } | null;
}

/** A longer answer is none. */
const LONGEST_ANSWER = 64 * 1024;
/** Answers that are kept; the oldest makes way. */
const MAX_KEPT = 10_000;

export class DecisionHook {
  readonly #config: DecisionHookConfig & { readonly url: string };
  readonly #key: string | undefined;
  readonly #kept = new Map<string, { readonly decision: Decision; readonly until: number }>();

  private constructor(config: DecisionHookConfig & { readonly url: string }, key: string | undefined) {
    this.#config = config;
    this.#key = key;
  }

  /** Undefined where nobody is to be asked. Rejects with an Error that names the file with the key where it cannot be used. */
  static async load(config: DecisionHookConfig): Promise<DecisionHook | undefined> {
    const { url, secretFile } = config;
    if (url === null) return undefined;
    const key = secretFile === null ? undefined : await readSecret(secretFile);
    return new DecisionHook({ ...config, url }, key);
  }

  /** Whether the service decides with the password in hand, that is at PASS. */
  get wantsPassword(): boolean {
    return this.#config.password === 'send';
  }

  /** Whether a login without an answer goes on all the same. */
  get failsOpen(): boolean {
    return this.#config.onFailure === 'route';
  }

  /** The decision. Raises `decision-hook-failed`, `decision-hook-malformed`, or the signal's reason. */
  async ask(question: Question, signal: AbortSignal): Promise<Decision> {
    const { cache } = this.#config;
    if (cache === null || question.password !== undefined) return this.#post(question, signal);
    const topic = topicOf(question);
    const known = this.#kept.get(topic);
    if (known !== undefined && known.until > performance.now()) return known.decision;
    const decision = await this.#post(question, signal);
    this.#keep(topic, decision, performance.now() + cache);
    return decision;
  }

  async #post(question: Question, signal: AbortSignal): Promise<Decision> {
    const { url, timeout } = this.#config;
    const body = JSON.stringify({ version: 1, ...question });
    let answer: { readonly status: number; readonly text: string };
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...this.#signature(body) },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      });
      answer = { status: response.status, text: await readShort(response) };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof GatewayError) throw error;
      throw new GatewayError('decision-hook-failed', { detail: describe(error, timeout) });
    }
    return judge(answer);
  }

  /** The time is signed as well, so that a question that was overheard cannot be asked again later. */
  #signature(body: string): Record<string, string> {
    if (this.#key === undefined) return {};
    const time = Math.floor(Date.now() / 1000);
    const code = createHmac('sha256', this.#key).update(`${time}.${body}`).digest('hex');
    return { 'x-sallyport-signature': `t=${time},v1=${code}` };
  }

  #keep(topic: string, decision: Decision, until: number): void {
    this.#kept.delete(topic);
    this.#kept.set(topic, { decision, until });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** What makes two questions the same: all but the session. */
function topicOf({ session: _, ...rest }: Question): string {
  return createHash('sha256').update(JSON.stringify(rest)).digest('base64');
}

async function readShort(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > LONGEST_ANSWER) throw malformed('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A service that has failed has not answered; one that says nonsense has, and nobody comes in by it. */
function judge({ status, text }: { readonly status: number; readonly text: string }): Decision {
  if (status >= 500) throw new GatewayError('decision-hook-failed', { detail: `status ${status}` });
  if (status !== 200) throw malformed(`status ${status}`);
  try {
    return parseDecision(text);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
}

function malformed(detail: string): GatewayError {
  return new GatewayError('decision-hook-malformed', { detail });
}

/** What went wrong on the way, in one line. Node's own words may hold the URL. */
function describe(error: unknown, timeout: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeout} ms`;
  const { cause } = error;
  if (!(cause instanceof Error)) return 'the request could not be made';
  const { code } = cause as NodeJS.ErrnoException;
  return code?.startsWith('E') ? code : cause.message;
}
