/**
 * A plain FTP backend that costs almost nothing for each session: every login succeeds, every RETR is a file without end, and of a STOR it reads
 * nothing. Runs as a process of
 * its own, prints its port as JSON, and ends with its input.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const BLOCK = Buffer.alloc(65_536, 1);

const REPLIES: Readonly<Record<string, string>> = {
  USER: '331 Password?',
  PASS: '230 Logged in.',
  PWD: '257 "/"',
  QUIT: '221 Goodbye.',
};

/** Sends until the receiver is gone. */
function pour(socket: Socket): void {
  const go = () => {
    while (socket.writable && socket.write(BLOCK)) {}
  };
  socket.on('drain', go);
  go();
}

async function listen(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 511, resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

function serve(control: Socket): void {
  const say = (line: string) => control.write(`${line}\r\n`);
  const data = Promise.withResolvers<Socket>();
  say('220 Stub.');
  createInterface({ input: control }).on('line', async (line) => {
    const verb = line.split(' ')[0]?.toUpperCase() ?? '';
    if (verb === 'EPSV') {
      const { server, port } = await listen((socket) => {
        server.close();
        data.resolve(socket);
      });
      say(`229 Entering Extended Passive Mode (|||${port}|)`);
    } else if (verb === 'RETR') {
      say('150 Here it comes.');
      pour(await data.promise);
    } else if (verb === 'STOR') {
      say('150 Send.');
      (await data.promise).pause();
    } else say(REPLIES[verb] ?? '200 Fine.');
  });
}

const { port } = await listen(serve);
process.stdout.write(`${JSON.stringify({ port })}\n`);
process.stdin.resume().on('end', () => process.exit());
