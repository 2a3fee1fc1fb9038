/**
 * Connections that are looked at for a ClientHello: a bounded number at a time.
 */
import type { Socket } from 'node:net';
import type { ClientHello } from '../wire/client-hello.ts';
import { Crowd } from './crowd.ts';
import { peekClientHello } from './peek-client-hello.ts';

/** A port scan must not hold more. */
const MOST = 512;

export class Unidentified {
  readonly #crowd = new Crowd(MOST);

  /** The hello of a connection; `unidentified` where none comes within `patience` milliseconds, `overload` where it was in the way of others. */
  async hello(socket: Socket, address: string, patience: number): Promise<ClientHello | 'unidentified' | 'overload'> {
    const place = this.#crowd.enter(address);
    const hello = await peekClientHello(socket, AbortSignal.any([AbortSignal.timeout(patience), place.pushedOut]));
    place.leave();
    return place.pushedOut.aborted ? 'overload' : (hello ?? 'unidentified');
  }
}
