/**
 * Whether Linux may give ports of the passive range to outgoing connections, of whatever program. One such connection, or one that ended
 * less than a minute ago, is enough to keep the gateway from starting.
 */
import { readFile } from 'node:fs/promises';
import type { Config, PortRange } from '../../config/schema.ts';
import { portsText } from '../../config/worker-slices.ts';
import { type Finding, warning } from './finding.ts';

/** Settings of the kernel, for IPv4 and IPv6 (ip-sysctl.rst of the Linux documentation). */
const SETTINGS = '/proc/sys/net/ipv4';

/** A warning, or nothing: also where this is not Linux, or what the kernel says cannot be read. */
export async function checkOutgoingPorts(config: Config): Promise<readonly Finding[]> {
  const [outgoing, reserved] = await Promise.all(
    ['ip_local_port_range', 'ip_local_reserved_ports'].map((name) =>
      readFile(`${SETTINGS}/${name}`, 'utf8').catch(() => undefined),
    ),
  );
  if (outgoing === undefined || reserved === undefined) return [];
  return judgeOutgoingPorts(config.data.passive.ports, outgoing, reserved);
}

/** The judgement alone. `outgoing` and `reserved` are the texts of the two files: `32768\t60999` and `8080,50000-50009`. Pure. */
export function judgeOutgoingPorts(passive: PortRange, outgoing: string, reserved: string): readonly Finding[] {
  const [taken] = rangesIn(outgoing.trim().replace(/\s+/, '-'));
  const spared = rangesIn(reserved);
  const exposed: number[] = [];
  for (let port = passive.first; port <= passive.last; port += 1) {
    if (holds(taken, port) && !spared.some((range) => holds(range, port))) exposed.push(port);
  }
  if (taken === undefined || exposed.length === 0) return [];
  const ports = portsText(exposed);
  const line = `net.ipv4.ip_local_reserved_ports = ${reservedText(reserved, ports)}`;
  return [
    warning(
      'passive ports',
      `${ports} may be taken by outgoing connections (${taken.first}-${taken.last}) before the gateway starts`,
      `Put "${line}" into a file of /etc/sysctl.d and load it with "sysctl --load FILE"; or take ports below ${taken.first} (data.passive.ports).`,
      { ports, outgoing: `${taken.first}-${taken.last}` },
    ),
  ];
}

/** What is reserved already must be said again: the setting is one list. */
function reservedText(reserved: string, ports: string): string {
  return [reserved.trim(), ports.replaceAll(' ', '')].filter((part) => part !== '').join(',');
}

/** `8080,50000-50009`. What cannot be read counts for nothing. */
function rangesIn(list: string): readonly PortRange[] {
  return list.split(',').flatMap((part) => {
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    return first === undefined ? [] : [{ first: Number(first), last: Number(last) }];
  });
}

function holds(range: PortRange | undefined, port: number): boolean {
  return range !== undefined && range.first <= port && port <= range.last;
}
