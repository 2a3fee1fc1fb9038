/** What a gateway adds to one command and its reply: PWD to the plain backend, and through the gateways. */
import type { Backend } from '../../test/interop/backends/backend.ts';
import { numbersIn } from '../json-process.ts';
import { alternate, type Bench, type Section, startClient } from '../measurement.ts';
import { median, milliseconds } from '../numbers.ts';
import { startFtpContenders } from '../programs/ftp-contenders.ts';
import { sessionTarget } from '../session-target.ts';

const LIMIT = 0.0005;

/** Measures the time of a command. */
export async function measureCommandLatency(bench: Bench): Promise<Section> {
  const { commands, rounds } = bench.plan;
  const { contenders, backend } = await startFtpContenders(bench);
  const open = async (name: string, program: Backend, security: 'plain' | 'explicit') => {
    const client = startClient(bench);
    await client.ask({ do: 'connect', ...sessionTarget(program, bench.certificates, security) });
    return { name, client };
  };
  const sessions = [await open('vsftpd in clear', backend, 'plain')];
  for (const { name, program } of contenders) sessions.push(await open(name, program, 'explicit'));

  const figures = new Map<string, number[]>();
  const count = Math.ceil(commands / rounds);
  await alternate(rounds, sessions, async ({ name, client }, round) => {
    const answer = await client.ask({ do: 'commands', line: 'PWD', count });
    if (round > 0) figures.set(name, [...(figures.get(name) ?? []), ...numbersIn(answer, 'seconds')]);
  });
  const of = (name: string): number => median(figures.get(name) ?? []);
  for (const { name } of sessions) bench.say(`PWD, ${name}: ${milliseconds(of(name))}`);
  const added = of('Sallyport') - of('vsftpd in clear');
  return {
    title: 'One command',
    how: `PWD over an established session, Python ftplib; median of ${count * rounds}. The gateways stand before the vsftpd that is also asked in clear.`,
    columns: ['', ...sessions.map(({ name }) => name)],
    rows: [['PWD', ...sessions.map(({ name }) => milliseconds(of(name)))]],
    bars: [
      {
        what: 'command forwarded and answered',
        bar: `adds < ${milliseconds(LIMIT)}`,
        measured: milliseconds(added),
        met: added < LIMIT,
      },
    ],
  };
}
