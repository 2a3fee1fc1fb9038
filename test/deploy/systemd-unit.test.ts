/** The unit of systemd: nothing in it is wrong or loose, and it fits what the gateway does. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/outcome.ts';
import { parseConfig } from '../../src/config/load.ts';
import { describeWith, ROOT } from './tools.ts';

const UNIT = readFileSync(join(ROOT, 'deploy/systemd/sallyport.service'), 'utf8');
/** As `docs/installation.md` says. */
const EXPOSURE = 1.9;

describe('the unit of systemd', () => {
  it('lets a drain end, and its answers come', () => {
    const { drain } = parseConfig(readFileSync(join(ROOT, 'deploy/systemd/sallyport.yaml'), 'utf8'), {
      env: {},
    }).timeouts;
    expect(Number(setting('TimeoutStopSec')) * 1000).toBeGreaterThanOrEqual(drain + 20_000);
    expect(setting('KillSignal')).toBe('SIGTERM');
    // `systemd-notify` tells, and is not the main process.
    expect([setting('Type'), setting('NotifyAccess')]).toEqual(['notify', 'all']);
  });

  it('does not try again what cannot be used', () => {
    expect(setting('RestartPreventExitStatus')).toBe(String(EXIT.usage));
  });

  it('comes with a file that reserves the passive ports of its configuration', () => {
    const { first, last } = parseConfig(readFileSync(join(ROOT, 'deploy/systemd/sallyport.yaml'), 'utf8'), {
      env: {},
    }).data.passive.ports;
    const settings = readFileSync(join(ROOT, 'deploy/systemd/sallyport-ports.conf'), 'utf8').replaceAll(/^#.*\n/gm, '');
    expect(settings.trim()).toBe(`net.ipv4.ip_local_reserved_ports = ${first}-${last}`);
  });

  it('is told of no other program than what is installed, and the command is the same', () => {
    const command = readFileSync(join(ROOT, 'deploy/systemd/sallyport'), 'utf8');
    const [, program = ''] = /^exec (.*) "\$@"$/m.exec(command) ?? [];
    expect(settings('ExecStart')).toEqual([`${program} serve --config /etc/sallyport/sallyport.yaml`]);
    expect(settings('ExecReload')).toEqual([
      `${program} check --config /etc/sallyport/sallyport.yaml`,
      '/bin/kill -HUP $MAINPID',
    ]);
  });
});

describeWith('systemd-analyze', analyze(), (program) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-unit-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sallyport.service');
  // Nothing is installed here: another program must do.
  writeFileSync(file, UNIT.replaceAll('/opt/sallyport/node_modules/.bin/node', process.execPath));

  it('finds nothing wrong', () => {
    const { status, stdout, stderr } = spawnSync(program.path, ['verify', file], { encoding: 'utf8' });
    const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('sallyport'));
    expect(ours).toEqual([]);
    expect(status).toBe(0);
  });

  it('finds something wrong where something is', () => {
    const broken = join(folder, 'broken.service');
    writeFileSync(broken, UNIT.replace('ProtectSystem=strict', 'ProtectSystem=stricter'));
    const { stderr } = spawnSync(program.path, ['verify', broken], { encoding: 'utf8' });
    expect(stderr).toMatch(/stricter/);
  });

  it('finds it hardly exposed', () => {
    const words = ['security', '--offline=yes', '--no-pager', `--threshold=${EXPOSURE * 10}`, file];
    expect(execFileSync(program.path, words, { encoding: 'utf8' })).toMatch(/Overall exposure level/);
  });
});

function analyze(): { readonly path: string } | string {
  const { error, status } = spawnSync('systemd-analyze', ['security', '--help'], { encoding: 'utf8' });
  return error === undefined && status === 0 ? { path: 'systemd-analyze' } : 'this machine has no systemd-analyze';
}

function settings(name: string): readonly string[] {
  return [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

function setting(name: string): string | undefined {
  return settings(name).at(-1);
}
