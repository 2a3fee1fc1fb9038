/**
 * The part of the configuration about PROXY headers: its type, its schema, its defaults, and the rules that it must keep.
 * Pure. Knows nothing of the rest of a listener.
 */
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';

/** Whether connections must begin with a PROXY header, and from whom one is taken. */
export interface ProxyProtocolConfig {
  readonly control: 'off' | 'required';
  /** The same for all listeners: they share the passive range. */
  readonly data: 'off' | 'required';
  /** Networks of the balancers, in CIDR notation. */
  readonly trusted: readonly string[];
}

const HEADERS = ['off', 'required'] as const;

/** The section as a person writes it. */
export const PROXY_PROTOCOL = field.section(
  'PROXY protocol, versions 1 and 2: a balancer tells the address of the client, and it counts everywhere from then on.',
  {
    control: field.choice(HEADERS, {
      meaning: '`required`: every control connection must begin with a PROXY header; one without is closed.',
      default: 'off',
    }),
    data: field.override(
      HEADERS,
      'The same for passive data connections. All listeners must agree, because they share the ports.',
      'as `control`',
    ),
    trusted: field.list(
      'Networks of the balancers. Connections from elsewhere are closed; for data connections those of all listeners count.',
      field.network({ meaning: 'A network.', example: '10.0.0.0/8' }),
      { examples: ['10.0.0.0/8', '2001:db8::/32'], commented: true },
    ),
  },
);

/** What the section means: `data` is as `control` where it is not given. */
export function resolveProxyProtocol(given: {
  readonly control: ProxyProtocolConfig['control'];
  readonly data?: ProxyProtocolConfig['data'] | undefined;
  readonly trusted: readonly string[];
}): ProxyProtocolConfig {
  return { ...given, data: given.data ?? given.control };
}

type Listeners = readonly { readonly proxyProtocol: ProxyProtocolConfig }[];

/** Nobody to take headers from, or listeners that disagree about the ports that they share. */
export function proxyProtocolErrors(listeners: Listeners): ConfigProblem[] {
  const first = listeners[0]?.proxyProtocol.data;
  return listeners.flatMap(({ proxyProtocol }, index) => {
    const path = `listeners[${index}].proxyProtocol`;
    const problems: ConfigProblem[] = [];
    if (isOn(proxyProtocol) && proxyProtocol.trusted.length === 0) {
      const message = 'no network, but PROXY headers are required; expected the networks of the balancers';
      problems.push({ path: `${path}.trusted`, message, related: [`${path}.control`, `${path}.data`] });
    }
    if (proxyProtocol.data !== first) {
      const message = `found ${proxyProtocol.data}, expected ${first} as in listeners[0]: all listeners share the passive ports`;
      const other = 'listeners[0].proxyProtocol';
      const related = [`${path}.control`, `${other}.data`, `${other}.control`];
      problems.push({ path: `${path}.data`, message, related });
    }
    return problems;
  });
}

/** Everybody may say who they are, or networks that nobody asks for. */
export function proxyProtocolWarnings(listeners: Listeners): ConfigProblem[] {
  return listeners.flatMap(({ proxyProtocol }, index) => {
    const { trusted } = proxyProtocol;
    const path = `listeners[${index}].proxyProtocol.trusted`;
    if (trusted.length > 0 && !isOn(proxyProtocol)) {
      return [{ path, message: 'these networks mean nothing: no PROXY header is required on this listener' }];
    }
    return trusted.flatMap((network, position) => {
      if (!network.endsWith('/0')) return [];
      const message = `found ${network}: everybody may claim to be any client`;
      return [{ path: `${path}[${position}]`, message }];
    });
  });
}

function isOn({ control, data }: ProxyProtocolConfig): boolean {
  return control === 'required' || data === 'required';
}
