/**
 * A program for one test: a scripted backend and scripted clients that make many small transfers through a gateway, or end
 * them badly, in a process of their own, so that what they keep does not count as the gateway's. Told what to do by its
 * parent.
 */
import { randomBytes } from 'node:crypto';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { type ClientOptions, ScriptedClient, type Target } from '../support/scripted-client.ts';

/** An order, carried out by several clients side by side. */
export interface Order {
  readonly gateway: Target;
  /** `clear`, `tls`: whole transfers, half of them uploads. `accidents`: sessions that end in every bad way. */
  readonly work: 'clear' | 'tls' | 'accidents';
  /** Transfers, a multiple of {@link PER_SESSION}; or accidents. */
  readonly count: number;
}

/** What the program says: where its backend listens, and then the end of each order. */
export type Word =
  | { readonly kind: 'listening'; readonly backend: Target }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Transfers of one session. */
export const PER_SESSION = 50;
/** Many accidents wait for a time limit. */
const SIDE_BY_SIDE = { clear: 4, tls: 4, accidents: 24 };

/** A session that ends in a bad way: from login to the loss of the client. */
type Accident = (client: ScriptedClient) => Promise<void>;

async function uploading(client: ScriptedClient) {
  const data = await client.openData();
  await client.command('STOR cut', 150);
  await data.startTls({ session: client.session });
  await data.write('half a file');
  return data;
}

async function downloading(client: ScriptedClient) {
  const data = await client.openData();
  await client.command('RETR large', 150);
  await data.startTls({ session: client.session });
  return data;
}

const ACCIDENTS: readonly Accident[] = [
  async (client) => {
    await client.epsv();
  },
  async (client) => {
    for (let time = 0; time < 5; time += 1) await client.openData();
  },
  async (client) => {
    // The system may pick a number that the gateway has at another address of this host: no target either.
    const refused = await client.active('EPRT').then(
      () => false,
      (error: Error) => error.message.includes('\n< "504 '),
    );
    await client.command('RETR missing', refused ? 425 : 550);
  },
  async (client) => {
    (await uploading(client)).reset();
    await client.expect(426);
  },
  async (client) => {
    (await uploading(client)).endWithoutCloseNotify();
    await client.expect(426);
  },
  async (client) => {
    await uploading(client);
  },
  async (client) => {
    (await downloading(client)).reset();
    await client.expect(426, 226);
  },
  async (client) => {
    const data = await downloading(client);
    data.pause();
    client.send('ABOR');
    await client.expect(426, 226);
    await client.expect(226, 225);
  },
  async (client) => {
    (await downloading(client)).pause();
  },
  async (client) => {
    const data = await client.openData();
    await client.command('STOR cut', 150);
    await data.startClear().write('this is no TLS, whatever was agreed');
    await client.expect(522);
  },
];

function say(word: Word): void {
  process.send?.(word);
}

async function enter({ gateway, work }: Order, options: ClientOptions = {}): Promise<ScriptedClient> {
  const client = await ScriptedClient.connect(gateway, options);
  await client.expect(220);
  if (work !== 'clear') await client.auth();
  await client.login();
  if (work !== 'clear') await client.protect();
  return client;
}

/** One session: what it uploads it downloads again. */
async function visit(order: Order, name: string): Promise<void> {
  const client = await enter(order);
  const how = order.work === 'clear' ? { clear: true } : {};
  for (let done = 0; done < PER_SESSION; done += 2) {
    const bytes = randomBytes(1 + (done % 7) * 100);
    await client.upload(`STOR ${name}`, bytes, how);
    const back = await client.download(`RETR ${name}`, how);
    if (!back.equals(bytes)) throw new Error(`${name}: not the bytes that were uploaded`);
  }
  await client.command('QUIT', 221);
  client.destroy();
}

/** Each from an address of its own: what is still on its way when a client is gone must not reach the next one. */
async function haveAccident(order: Order, accident: Accident, number: number): Promise<void> {
  const client = await enter(order, { localAddress: `127.1.${number >> 7}.${1 + (number & 127)}` });
  try {
    await accident(client);
  } finally {
    client.reset();
    client.destroy();
  }
}

async function carryOut(order: Order): Promise<void> {
  const { work, count } = order;
  let left = work === 'accidents' ? count : count / PER_SESSION;
  const worker = async (name: string): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const accident = ACCIDENTS[left % ACCIDENTS.length];
      if (work === 'accidents' && accident !== undefined) await haveAccident(order, accident, left);
      else await visit(order, name);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE[work] }, (_, index) => worker(`file-${index}`)));
}

const backend = await ScriptedBackend.start({ files: { '/large': randomBytes(8_000_000) } });
process.on('disconnect', () => process.exit());
process.on('message', (order: Order) => {
  carryOut(order).then(
    () => {
      backend.forgetSessions();
      if (backend.faults.length > 0) say({ kind: 'failed', reason: String(backend.faults[0]) });
      else say({ kind: 'done' });
    },
    (error: Error) => say({ kind: 'failed', reason: error.stack ?? error.message }),
  );
});
say({ kind: 'listening', backend: { address: backend.address, port: backend.port } });
