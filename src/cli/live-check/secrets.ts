/**
 * What may be shown of a backend's replies: printable, and without the password, should the backend repeat it.
 */
import { printable } from '../../wire/redact.ts';
import type { Reply } from '../../wire/reply.ts';

/** Who to log in as. Both are Latin-1, one character per byte of UTF-8, as they are sent. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** A login from what a person typed. */
export function loginOf(user: string, password: string): Login {
  const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
  return { user: bytes(user), password: bytes(password) };
}

/** The reply with `****` in place of the password wherever it stands in the text. */
export function withoutSecret(reply: Reply, login: Login | undefined): Reply {
  const secret = login?.password ?? '';
  if (secret === '') return reply;
  const [first, ...rest] = reply.lines;
  const hide = (line: string) => line.replaceAll(secret, '****');
  return { code: reply.code, lines: [hide(first), ...rest.map(hide)] };
}

/** Code and text in one line: the first line with a text in it, and how many lines there are beside it. */
export function replyText({ code, lines }: Reply): string {
  const text = lines.find((line) => line.trim() !== '') ?? '';
  const more = lines.length > 1 ? ` (${lines.length} lines)` : '';
  return printable(`${code} ${text}`).trimEnd() + more;
}
