/**
 * Looks at the first TLS message of a socket and puts it back, so that whoever does the handshake finds it untouched.
 */
import type { Socket } from 'node:net';
import { type ClientHello, ClientHelloReader } from '../wire/client-hello.ts';

/** The hello; undefined when what arrives is none, when the peer ends before, or when the signal fires. Never rejects. */
export function peekClientHello(socket: Socket, signal: AbortSignal): Promise<ClientHello | undefined> {
  const reader = new ClientHelloReader();
  return new Promise((resolve) => {
    const settle = (hello: ClientHello | undefined) => {
      signal.removeEventListener('abort', onGone);
      socket.off('readable', onReadable);
      socket.off('end', onGone);
      socket.off('close', onGone);
      const { bytes } = reader;
      if (bytes.length > 0 && !socket.destroyed) socket.unshift(bytes);
      resolve(hello);
    };
    const onGone = () => settle(undefined);
    const onReadable = () => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        const progress = reader.push(chunk);
        if (progress.kind === 'incomplete') continue;
        return settle(progress.kind === 'hello' ? progress.hello : undefined);
      }
    };
    signal.addEventListener('abort', onGone, { once: true });
    socket.once('end', onGone);
    socket.once('close', onGone);
    socket.on('readable', onReadable);
    if (signal.aborted || socket.destroyed || socket.readableEnded) onGone();
  });
}
