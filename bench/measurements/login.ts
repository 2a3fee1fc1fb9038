/** Time from connecting to an accepted PROT P, with Python's ftplib: TCP, greeting, AUTH TLS, handshake, USER, PASS, PBSZ, PROT. */
import { numbersIn } from '../json-process.ts';
import { alternate, type Bench, type Section, startClient } from '../measurement.ts';
import { median, milliseconds, times } from '../numbers.ts';
import { startFtpContenders } from '../programs/ftp-contenders.ts';
import { sessionTarget } from '../session-target.ts';

const LIMIT = 1.5;

/** Measures logins, one after the other. */
export async function measureLogin(bench: Bench): Promise<Section> {
  const { logins, rounds } = bench.plan;
  const { contenders } = await startFtpContenders(bench);
  const client = startClient(bench);
  const figures = new Map<string, number[]>();
  const count = Math.ceil(logins / rounds);
  await alternate(rounds, contenders, async ({ name, program }, round) => {
    const answer = await client.ask({ do: 'logins', count, ...sessionTarget(program, bench.certificates, 'explicit') });
    if (round > 0) figures.set(name, [...(figures.get(name) ?? []), ...numbersIn(answer, 'seconds')]);
  });
  const of = (name: string): number => median(figures.get(name) ?? []);
  for (const { name } of contenders) bench.say(`login, ${name}: ${milliseconds(of(name))}`);
  const [own, direct, peer] = [of('Sallyport'), of('vsftpd direct'), of('mod_proxy')];
  return {
    title: 'Login',
    how: `Python ftplib, explicit TLS 1.3, no resumption, from connecting to an accepted PROT P; median of ${count * rounds}.`,
    columns: ['', ...contenders.map(({ name }) => name)],
    rows: [['login', ...contenders.map(({ name }) => milliseconds(of(name)))]],
    bars: [
      {
        what: 'login',
        bar: `≤ ${LIMIT} × vsftpd direct (${milliseconds(direct)})`,
        measured: `${milliseconds(own)} = ${times(own, direct)}`,
        met: own <= LIMIT * direct,
      },
      {
        what: 'login',
        bar: `far below mod_proxy (${milliseconds(peer)})`,
        measured: times(own, peer),
        met: own <= peer / 2,
      },
    ],
  };
}
