/**
 * Prints `docs/side-port.md` from the routes, so that it cannot say anything else.
 */
import { RIGHTS } from './api-page.ts';
import { REFUSALS } from './openapi.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';
import type { JsonSchema, Shape } from './shape.ts';
import { fieldsOf, typeText } from './shape-text.ts';

const INTRODUCTION = `# Side port

What runs, and orders of operators, over HTTP or HTTPS: \`admin\` in the [configuration](configuration.md#admin), by default
\`http://127.0.0.1:9121\`. With several \`workers\` the answers are those of all of them; one that does not answer within two seconds is
named in \`silentWorkers\` and holds nothing up.

![The status page: whether clients are served, sessions, transfers with their progress, backends, data ports, certificates, failures by cause](images/status-page.png)

The page at \`/\` needs no JavaScript and loads nothing from elsewhere. It asks for itself again every few seconds; the choice is at its
top. A bar without a percentage is a transfer whose size nobody has said: neither the backend (to \`SIZE\`, or in its 150) nor the client
(with \`ALLO\`).

## Who may do what

| | without tokens and certificates | with \`readToken\` or \`tls.clientCa\` |
|---|---|---|
| \`/healthz\`, \`/readyz\` | open | open |
| \`/metrics\` | open | token, certificate |
| all other reading | open where \`admin.address\` is a loopback address, and the \`Host\` of the request an address or \`localhost\`, and no proxy between; else 403 | token, certificate |
| orders (\`POST\`, \`DELETE\`) | never: they always need \`writeToken\` | \`writeToken\`, and the certificate where \`clientCa\` is set |

Where a token and \`clientCa\` are both configured, both are needed. The write token reads as well. Tokens have at least 16 characters; better keep
them in files (\`readTokenFile\`, \`writeTokenFile\`), which are read again by a [reload](operations.md), as certificates are. Where the
authorities in \`clientCa\` have changed, a certificate counts only when it is shown again: connections of before are ended.

A reverse proxy on this machine comes from a loopback address. So that it publishes nothing by mistake, what is open only on loopback is
denied to requests with \`Forwarded\`, \`Via\`, \`X-Real-IP\` or any \`X-Forwarded-…\` header. A proxy that sends none of them cannot be told
apart: behind one, configure a token.

\`\`\`yaml part
admin:
  address: 0.0.0.0
  readTokenFile: /etc/sallyport/read-token      # openssl rand -hex 24 > read-token
  writeTokenFile: /etc/sallyport/write-token
  tls: { cert: /etc/sallyport/tls/admin.crt, key: /etc/sallyport/tls/admin.key }
\`\`\`

\`\`\`sh
curl --silent --header "Authorization: Bearer $TOKEN" https://gateway.example.com:9121/sessions
curl --request POST --header "Authorization: Bearer $WRITE_TOKEN" https://gateway.example.com:9121/backends/legacy/drain
\`\`\`

A browser asks for a name and a password: any name, and the token. It can only read so: orders must have the header, which a page of
somebody else cannot make a browser send. Prometheus sends the token, or its certificate, with

\`\`\`yaml
scrape_configs:
  - job_name: sallyport
    scheme: https
    authorization: { credentials_file: /etc/prometheus/sallyport-read-token }
    tls_config: { ca_file: /etc/prometheus/ca.crt }   # cert_file and key_file where tls.clientCa is set
    static_configs: [{ targets: ['gateway.example.com:9121'] }]
\`\`\`

In a container the side port must listen on \`0.0.0.0\` to be published: without a token it then answers health checks and metrics only.

Denied requests are counted (\`sallyport_side_port_denials_total\`) and logged (\`side-port-denied\`; wrong tokens as a warning, without the
token). After ten wrong tokens from one host within a minute its next wrong ones get 429 until the minute is over, and no warnings; the right token
always counts. A host is an IPv4 address, or an IPv6 network of 64 bits. Each order is logged (\`operator-order\`).

## What many requests can do

There are places for 256 connections. Whoever comes when all are taken gets a place: the host with the most connections loses the one that
was quiet for longest. A connection on which nothing is asked ends after five seconds.

\`/metrics\` and \`/readyz\` can be asked by everybody, and asking costs the gateway work. All who ask at the same time share one reading;
when there were ten readings within a second, who asks next gets one that is at most 250 ms old.

A reload that moves the side port (another address or port, HTTPS in place of HTTP) opens the new place before it leaves the old one, where both
can be had at once. Requests that run are answered; the old place is closed at the latest after five seconds. Where the new place cannot be
had, the reload is refused and everything stays as it was.

What clients and backends have said (names, paths, words of a backend) is shown with control characters escaped, as in the
[log](logging.md). Times are ISO 8601 in UTC.`;

/** `docs/side-port.md`. */
export function sidePortMarkdown(): string {
  const rows = ROUTES.map(({ method, path, right, summary }) => [code(`${method} ${path}`), summary, RIGHTS[right]]);
  const refusals = Object.entries(REFUSALS).map(([status, meaning]) => [status, meaning]);
  return `${[
    INTRODUCTION,
    '## Routes',
    'The same as an OpenAPI document: `/openapi.json`. As a page: `/api`.',
    table(['route', 'what it is', 'who'], rows),
    'Beside its own answers every route that is not open to everybody may answer, with the reason in `error`:',
    table(['status', 'meaning'], refusals),
    ...ROUTES.filter(({ answers }) => Object.values(answers).some((answer) => 'shape' in answer)).flatMap(routeText),
  ].join('\n\n')}\n`;
}

function routeText({ method, path, summary, description, parameters = {}, answers }: Route): readonly string[] {
  const given = Object.entries(parameters).map(([name, { in: place, shape }]) => [
    code(name),
    place,
    typeText(shape.schema) + (shape.schema.default === undefined ? '' : `, default ${shape.schema.default}`),
    shape.schema.description ?? '',
  ]);
  const statuses = Object.entries(answers).map(([status, answer]) => [
    status,
    answer.meaning,
    'shape' in answer ? (answer.shape.schema.title ?? '') : answer.mediaType,
  ]);
  const shown = Object.values(answers).find(
    (answer): answer is { meaning: string; shape: Shape<unknown> } => 'shape' in answer,
  );
  return [
    `### ${method} ${path}`,
    `${summary}.${description === undefined ? '' : ` ${description}`}`,
    ...(given.length === 0 ? [] : [table(['parameter', 'in', 'type', 'meaning'], given)]),
    table(['status', 'meaning', 'answer'], statuses),
    ...(shown === undefined ? [] : fieldTable(shown.shape.schema)),
  ];
}

function fieldTable(schema: JsonSchema): readonly string[] {
  const rows = fieldsOf(schema).map(({ path, type, meaning }) => [code(path), type, meaning]);
  return rows.length === 0 ? [] : [table(['field', 'type', 'meaning'], rows)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function code(text: string): string {
  return `\`${text}\``;
}
