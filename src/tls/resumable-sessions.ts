/**
 * The TLS sessions of one backend that data connections may resume (RFC 4217 §10.2). Those of the control connection come first, as some
 * backends take no others; but their tickets run out, and nothing renews them there. Data connections bring fresh ones.
 */
import { endOfTicket } from '../wire/tls-session.ts';

/** What has less than this left is not worth trying (milliseconds): it would be over when it arrives, or by the backend's clock. */
const SLACK = 5000;

export class ResumableSessions {
  #control: Buffer | undefined;
  #data: Buffer | undefined;
  #declined: Buffer | undefined;

  /** The control connection has brought it. */
  addOfControl(session: Buffer): void {
    this.#control = session;
  }

  /** A data connection that had proved to be the backend's has brought it. */
  addOfData(session: Buffer): void {
    this.#data = session;
  }

  /** It was shown, and the backend did not resume it. */
  decline(session: Buffer): void {
    this.#declined = session;
  }

  /** What the next data connection should show. */
  best(now: number = Date.now()): Buffer | undefined {
    const control = this.#control;
    if (control === undefined) return this.#data;
    const isOver = control === this.#declined || (endOfTicket(control) ?? Number.POSITIVE_INFINITY) < now + SLACK;
    return isOver ? (this.#data ?? control) : control;
  }
}
