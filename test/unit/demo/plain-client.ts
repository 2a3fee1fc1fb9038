/** A bare FTP client for tests: says exactly what it is told to say, and knows only where a reply ends. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class PlainClient {
  readonly socket: Socket;
  readonly #address: string;
  #text = '';
  #wake: () => void = () => {};

  private constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.#address = address;
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('close', () => this.#wake());
    socket.on('data', (chunk: string) => {
      this.#text += chunk;
      this.#wake();
    });
  }

  /** Connects and reads the greeting. */
  static async open(port: number, address = '127.0.0.1'): Promise<PlainClient> {
    const socket = connect({ host: address, port });
    await once(socket, 'connect');
    const client = new PlainClient(socket, address);
    await client.reply();
    return client;
  }

  static async login(port: number, address = '127.0.0.1'): Promise<PlainClient> {
    const client = await PlainClient.open(port, address);
    await client.say('USER tester');
    await client.say('PASS secret');
    return client;
  }

  /** Sends lines, Latin-1, without waiting. */
  send(...lines: readonly string[]): void {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
  }

  /** Sends one command and returns the next reply. */
  async say(line: string): Promise<string> {
    this.send(line);
    return this.reply();
  }

  /** The next whole reply, lines joined by LF; rejects when the connection ends before. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(\d{3})(?: [^\n]*\n|-(?:[^\n]*\n)*?\1 [^\n]*\n)/.exec(this.#text);
      if (match !== null) {
        this.#text = this.#text.slice(match[0].length);
        return match[0].replaceAll('\r\n', '\n').trimEnd();
      }
      if (this.socket.closed) throw new Error(`no reply, only ${JSON.stringify(this.#text)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** EPSV and the data connection it leads to. */
  async data(): Promise<Socket> {
    const port = Number(/\|\|\|(\d+)\|/.exec(await this.say('EPSV'))?.[1]);
    const socket = connect({ host: this.#address, port, allowHalfOpen: true });
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** A whole download or listing: its bytes and its last reply. */
  async fetch(command: string): Promise<{ readonly bytes: Buffer; readonly last: string }> {
    const data = await this.data();
    const first = await this.say(command);
    if (!first.startsWith('1')) {
      data.destroy();
      return { bytes: Buffer.alloc(0), last: first };
    }
    const bytes = Buffer.concat(await data.toArray());
    data.end();
    return { bytes, last: await this.reply() };
  }

  /** A whole upload: its last reply. */
  async store(command: string, bytes: Uint8Array): Promise<string> {
    const data = await this.data();
    const first = await this.say(command);
    data.resume();
    data.end(bytes);
    return first.startsWith('1') ? this.reply() : first;
  }

  close(): void {
    this.socket.destroy();
  }
}
