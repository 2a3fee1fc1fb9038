/**
 * What a connection begins with: one byte tells protocols apart that share a port.
 */
import type { Socket } from 'node:net';

/** The first byte, put back behind it; undefined where none comes in time, and the socket is closed. Never rejects. */
export function firstByte(socket: Socket, timeout: number, signal: AbortSignal): Promise<number | undefined> {
  socket.on('error', () => {});
  return new Promise((resolve) => {
    const settle = (byte: number | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onGone);
      socket.off('data', onData);
      socket.off('end', onGone);
      socket.off('close', onGone);
      socket.pause();
      if (byte === undefined) socket.destroy();
      resolve(byte);
    };
    const onData = (chunk: Buffer) => {
      settle(chunk[0]);
      socket.unshift(chunk);
    };
    const onGone = () => settle(undefined);
    const timer = setTimeout(onGone, timeout);
    signal.addEventListener('abort', onGone, { once: true });
    socket.on('data', onData);
    socket.on('end', onGone);
    socket.on('close', onGone);
    if (signal.aborted || socket.destroyed) onGone();
    else socket.resume();
  });
}
