/**
 * How clients find the replies in what they receive, each in its own way: the rules by which one reply must look like
 * one reply to all of them. Written from the descriptions of their behaviour, not from their sources.
 */

/** Finds the replies in a Latin-1 stream: the code of each, as that client would tell it. */
export interface ClientRule {
  readonly client: string;
  readonly codes: (stream: string) => number[];
}

function isCode(line: string): boolean {
  return /^\d{3}/.test(line);
}

/** Reads replies line by line; `ends` says whether a line behind `ddd-` ends the reply that began with that code. */
function readReplies(lines: readonly string[], ends: (line: string, code: string) => boolean): number[] {
  const codes: number[] = [];
  let open: string | undefined;
  for (const line of lines) {
    if (open === undefined) {
      if (line[3] === '-') open = line.slice(0, 3);
      else codes.push(Number(line.slice(0, 3)));
    } else if (ends(line, open)) {
      codes.push(Number(line.slice(0, 3)));
      open = undefined;
    }
  }
  if (open !== undefined) codes.push(Number.NaN);
  return codes;
}

function splitAt(pattern: RegExp, stream: string): string[] {
  return stream.split(pattern).filter((line) => line !== '');
}

/** A Telnet client drops commands before it looks at the text. */
function withoutTelnet(stream: string): string {
  return stream.replace(/\xff[\xfb-\xfe].|\xff[\xf0-\xfa]/gs, '');
}

export const clientRules: readonly ClientRule[] = [
  {
    client: 'curl: any code and SP ends every reply',
    codes: (stream) =>
      splitAt(/\r?\n/, stream)
        .filter((line) => /^\d{3} /.test(line))
        .map((line) => Number(line.slice(0, 3))),
  },
  {
    client: 'FileZilla: lines end at CR, LF or NUL; same code and SP',
    codes: (stream) =>
      readReplies(splitAt(/[\r\n\0]/, stream), (line, code) => line.startsWith(code) && line[3] === ' '),
  },
  {
    client: 'Python: same code and no hyphen',
    codes: (stream) =>
      readReplies(splitAt(/\r\n|\r|\n/, stream), (line, code) => line.startsWith(code) && line[3] !== '-'),
  },
  {
    client: 'commons-net: a digit, and no hyphen as fourth character',
    codes: (stream) =>
      readReplies(splitAt(/\r\n|\n/, stream), (line) => line.length > 3 && /^\d/.test(line) && line[3] !== '-'),
  },
  {
    client: 'basic-ftp: same code and SP or the end of the line',
    codes: (stream) =>
      readReplies(
        splitAt(/\r?\n/, stream),
        (line, code) => line.startsWith(code) && (line.length === 3 || line[3] === ' '),
      ),
  },
  {
    client: 'lftp: Telnet commands removed; any code without a hyphen',
    codes: (stream) => readReplies(splitAt(/\r?\n/, withoutTelnet(stream)), (line) => isCode(line) && line[3] !== '-'),
  },
];
