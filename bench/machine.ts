/** What the figures were taken on. */
import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';

/** Name and value, in the order of the report. */
export type MachineFacts = Readonly<Record<string, string>>;

/** Describes machine, system and programs. */
export async function describeMachine(versions: Readonly<Record<string, string>>): Promise<MachineFacts> {
  const system = /^PRETTY_NAME="?(.*?)"?$/m.exec(await readFile('/etc/os-release', 'latin1'))?.[1] ?? 'unknown';
  const [cpu] = cpus();
  const { openssl = 'unknown' } = process.versions;
  const programs = ['vsftpd', 'proftpd-core', 'proftpd-mod-proxy', 'nginx', 'haproxy', 'python3.11', 'curl'];
  return {
    CPU: `${cpu?.model.trim()}, ${cpus().length} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${system}, Linux ${release()}`,
    'Node.js': `${process.version} with OpenSSL ${openssl}`,
    programs: programs.flatMap((name) => (versions[name] ? [`${name} ${versions[name]}`] : [])).join(', '),
  };
}
