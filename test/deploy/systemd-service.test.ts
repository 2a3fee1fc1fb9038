/**
 * The commands of `docs/installation.md` about systemd, run as they stand there on a machine with a real systemd: from a clone of the
 * repository to a service that serves clients, and away again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { commandsOf, configurationsOf } from './documented-commands.ts';
import { SystemdMachine } from './systemd-machine.ts';
import { describeOnMachine, provideCurl, ROOT } from './tools.ts';

const DOCUMENT = 'docs/installation.md';
const COMMANDS = commandsOf(DOCUMENT);
const FINGERPRINT = 'openssl s_client -connect localhost:990 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint';
const BACKEND = `import('${ROOT}/src/demo/backend.ts').then((demo) => demo.startDemoBackend({ root: '/srv', port: 21000, addresses: ['127.0.0.1'] }))`;

async function bootMachine(): Promise<SystemdMachine | string> {
  const packages = await provideCurl();
  return typeof packages === 'string' ? packages : SystemdMachine.boot({ packages });
}

// The machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

await describeOnMachine('the service of systemd', bootMachine, (machine) => {
  beforeAll(async () => {
    await machine.must(`systemd-run --unit=backend --service-type=exec '${process.execPath}' -e "${BACKEND}"`);
  });
  afterAll(() => machine.stop());

  /** A block of the document, in the clone. */
  const follow = (name: string, env: Readonly<Record<string, string>> = {}, network: 'own' | 'outer' = 'own') =>
    machine.must(COMMANDS.get(name) ?? `no block ${name}`, { folder: ROOT, env, network, limit: 120_000 });

  const property = async (name: string) =>
    (await machine.must(`systemctl show --property ${name} --value sallyport`)).trim();

  const readiness = () => machine.must('curl --fail --silent --show-error http://127.0.0.1:9121/readyz');

  const ftp = (...words: readonly string[]) =>
    machine.must(`curl --silent --show-error --max-time 20 --cacert certs/ca.crt --user demo:demo ${words.join(' ')}`, {
      folder: ROOT,
    });

  const fingerprint = async () => (await machine.must(FINGERPRINT)).trim();

  it('is built and installed', async () => {
    // `npm ci` has made the folder that these tests run in.
    expect(COMMANDS.get('dependencies')).toBe('npm ci\n');
    await follow('library', {}, 'outer');
    await follow('package', {}, 'outer');
    await follow('install', { npm_config_prefer_offline: 'true' }, 'outer');
    expect(await machine.must('sallyport --version')).toBe(`${version()}\n`);
  });

  it('is configured, and checked', async () => {
    await follow('configuration');
    await follow('certificate');
    await follow('keys');
    await machine.must("sed -i 's/host: 10.0.5.20/host: 127.0.0.1, port: 21000/' /etc/sallyport/sallyport.yaml");
    await follow('ports');
    // Where the settings of the kernel cannot be changed in here, ports stay as they are.
    const { code } = await machine.run(COMMANDS.get('reserve') ?? 'no block reserve');
    const checked = await follow('check');
    expect(checked).toMatch(/sallyport\.yaml: fine/);
    if (code === 0) expect(checked).not.toMatch(/outgoing connections/);
  });

  it('keeps its key and its configuration from everybody else', async () => {
    const asNobody = 'setpriv --reuid 65534 --regid 65534 --clear-groups cat';
    for (const file of ['tls/tls.key', 'sallyport.yaml']) {
      expect((await machine.run(`${asNobody} /etc/sallyport/${file}`)).errors).toMatch(/Permission denied/);
    }
  });

  it('starts, is ready, and says so to systemd', async () => {
    expect(await follow('start')).toMatch(/"ready":true/);
    expect(await property('ActiveState')).toBe('active');
    expect(await property('StatusText')).toBe('serving clients');
  });

  it('serves clients on the ports 21 and 990', async () => {
    await follow('upload', { FTP_USER: 'demo', FTP_PASSWORD: 'demo' });
    expect(await ftp('--ssl-reqd', 'ftp://localhost/README.md')).toBe(readFileSync(join(ROOT, 'README.md'), 'latin1'));
    expect(await ftp('ftps://localhost/')).toMatch(/README\.md/);
  });

  it('is nobody in particular, with one capability, and cannot write', async () => {
    const status = await machine.must(`cat /proc/${await property('MainPID')}/status`);
    expect(status).toMatch(/^Uid:\t(?!0\t)(\d+)\t\1\t\1\t\1$/m);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`^${set}:\t0000000000000400$`, 'm'));
    }
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    const inside = `nsenter --target ${await property('MainPID')} --mount`;
    for (const folder of ['/etc/sallyport', '/opt/sallyport', '/usr']) {
      expect((await machine.run(`${inside} touch ${folder}/x`)).errors).toMatch(/Read-only file system/);
    }
  });

  it('writes an audit log where systemd lets it', async () => {
    await machine.must('printf "audit: { file: /var/log/sallyport/audit.jsonl }\\n" >> /etc/sallyport/sallyport.yaml');
    await machine.must('systemctl reload sallyport');
    await ftp('--ssl-reqd', 'ftp://localhost/');
    await untilOutput(machine, 'cat /var/log/sallyport/audit.jsonl', /"LIST"/);
  });

  it('takes over a renewed certificate without a restart', async () => {
    const before = await fingerprint();
    const main = await property('MainPID');
    await machine.must(
      [
        'sallyport certs renewed --name localhost',
        'cp renewed/tls.crt renewed/fullchain.pem',
        'cp renewed/tls.key renewed/privkey.pem',
      ].join('\n'),
      { folder: '/tmp' },
    );
    await follow('renewal', { RENEWED_LINEAGE: '/tmp/renewed' });
    await machine.must(`cp /tmp/renewed/ca.crt ${ROOT}/certs/ca.crt`);
    await untilOutput(machine, FINGERPRINT, (text) => text.trim() !== before);
    expect(await property('MainPID')).toBe(main);
    expect(await ftp('--ssl-reqd', 'ftp://localhost/')).toMatch(/README\.md/);
  });

  it('refuses to reload a wrong configuration, says why, and goes on', async () => {
    await machine.must(
      'cp -p /etc/sallyport/sallyport.yaml /tmp/good && echo "listener: []" >> /etc/sallyport/sallyport.yaml',
    );
    expect((await machine.run('systemctl reload sallyport')).code).not.toBe(0);
    expect(await machine.must('journalctl --unit sallyport --output cat')).toMatch(/did you mean .*listeners/);
    expect(await readiness()).toMatch(/"ready":true/);
  });

  it('does not start again and again with a wrong configuration', async () => {
    expect((await machine.run('systemctl restart sallyport')).code).not.toBe(0);
    expect(await property('ActiveState')).toBe('failed');
    expect(await property('NRestarts')).toBe('0');
    expect(await property('ExecMainStatus')).toBe('2');
    await machine.must('cp -p /tmp/good /etc/sallyport/sallyport.yaml && systemctl restart sallyport');
  });

  it('comes back when it is killed', async () => {
    const main = await property('MainPID');
    await machine.must(`kill -9 ${main}`);
    await untilOutput(machine, 'systemctl show --property MainPID --property ActiveState --value sallyport', (text) => {
      const [pid, state] = text.split('\n');
      return pid !== main && state === 'active';
    });
    expect(await readiness()).toMatch(/"ready":true/);
  });

  it('runs with several workers', async () => {
    await machine.must('echo "workers: 2" >> /etc/sallyport/sallyport.yaml && systemctl restart sallyport');
    expect(await ftp('--ssl-reqd', 'ftp://localhost/')).toMatch(/README\.md/);
    expect(await machine.must('curl -s http://127.0.0.1:9121/metrics')).toMatch(/sallyport_worker_up\{worker="2"\} 1/);
  });

  it('reads keys that root alone may read, from systemd', async () => {
    const yaml = configurationsOf(DOCUMENT).find((text) => text.includes('CREDENTIALS_DIRECTORY')) ?? '';
    const input = yaml.replace('host: 10.0.5.20', 'host: 127.0.0.1, port: 21000');
    await machine.must('cat > /etc/sallyport/sallyport.yaml', { input });
    await follow('credentials');
    expect(await machine.must('stat -c "%U %a" /etc/sallyport/tls/tls.key')).toBe('root 600\n');
    expect(await ftp('--ssl-reqd', 'ftp://localhost/')).toMatch(/README\.md/);
  });

  it('lets a running transfer finish when it is stopped', async () => {
    await machine.must('head -c 3000000 /dev/zero > /srv/large');
    const slow = ftp('--ssl-reqd', '--limit-rate 1000000', 'ftp://localhost/large', '--output /tmp/large');
    await untilOutput(machine, 'stat -c %s /tmp/large || true', (text) => Number(text) > 0);
    await machine.must('systemctl stop sallyport');
    await slow;
    expect(await machine.must('stat -c %s /tmp/large')).toBe('3000000\n');
    expect(await property('Result')).toBe('success');
  });

  it('is upgraded, and removed', async () => {
    await follow('upgrade', { npm_config_prefer_offline: 'true' }, 'outer');
    expect(await readiness()).toMatch(/"ready":true/);
    await follow('removal');
    expect((await machine.run('systemctl cat sallyport')).code).not.toBe(0);
    expect(await machine.must('ls /etc/sallyport')).toBe('sallyport.yaml\ntls\n');
  });
});

function version(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Asks until the answer is the one that is waited for; rejects after ten seconds. */
async function untilOutput(
  machine: SystemdMachine,
  commands: string,
  wanted: RegExp | ((output: string) => boolean),
): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const { output } = await machine.run(commands);
    if (typeof wanted === 'function' ? wanted(output) : wanted.test(output)) return;
    if (performance.now() > end) throw new Error(`${commands} still says: ${output}`);
    await delay(50);
  }
}
