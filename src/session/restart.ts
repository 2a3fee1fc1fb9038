/**
 * Where the next file begins (REST, RFC 959 §4.1.3, RFC 3659 §5): what the client was promised, for the transfer command that comes next,
 * and what the backend may still have in mind. They part where a transfer is refused by the gateway: the backend has heard REST then, and
 * nothing that used it up.
 */
import type { Turn } from '../backends/backend-link.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Command } from '../wire/command.ts';
import { type Reply, serializeReply } from '../wire/reply.ts';

const BEGINNING = '0';

export class RestartPosition {
  #promised: string | undefined;
  #atBackend = BEGINNING;

  /** For the next transfer; undefined where it begins at the beginning. */
  get promised(): string | undefined {
    return this.#promised;
  }

  /** The backend has answered REST of the client. */
  noticed({ argument }: Command, { code }: Reply): void {
    this.#promised = code === 350 ? argument : undefined;
    if (code === 350) this.#atBackend = argument ?? BEGINNING;
  }

  /** The transfer command has come for which it was said, whatever becomes of it. */
  spend(): void {
    this.#promised = undefined;
  }

  /**
   * Directly before a transfer command: REST, where the backend would begin elsewhere, or may have forgotten it since PASV came between
   * (RFC 959 §4.1.3). Raises `restart-refused`.
   */
  async tell(position: string | undefined, turn: Turn, lastVerb: string): Promise<void> {
    const wanted = position ?? BEGINNING;
    if (this.#atBackend === wanted && (wanted === BEGINNING || lastVerb === 'REST')) return;
    const answer = await turn.final(turn.send({ verb: 'REST', argument: wanted }));
    if (answer.code !== 350) throw new GatewayError('restart-refused', { detail: serializeReply(answer).trimEnd() });
    this.#atBackend = wanted;
  }

  /** The backend moves a file: what it was told holds no more. One that is refused may leave it. */
  usedUp(): void {
    this.#atBackend = BEGINNING;
  }
}

/** A position as it is sent: a whole number that can be counted with, without leading zeros; undefined where it is none. */
export function restartPosition(argument: string): string | undefined {
  if (!/^\d+$/.test(argument)) return undefined;
  const position = Number(argument);
  return Number.isSafeInteger(position) ? String(position) : undefined;
}
