/**
 * Reads FTP replies as RFC 959 §4.2 writes them and forgives nothing, and re-reads them as real clients do.
 * Written without the gateway's own parser, so that a fault there cannot hide here. Knows nothing of sockets.
 */

/** A reply as it stood on the wire. `lines` are without CRLF and with their codes; everything is Latin-1. */
export interface ClientReply {
  readonly code: number;
  /** Text behind the code of the last line. */
  readonly text: string;
  readonly lines: readonly string[];
  readonly raw: string;
}

/** Cuts a byte stream into replies. Throws for bare CR or LF, NUL, and for lines that no reply may begin with. */
export class StrictReplies {
  #rest = '';

  /** Bytes that have arrived and are not yet part of a returned reply (Latin-1). */
  get rest(): string {
    return this.#rest;
  }

  push(chunk: Uint8Array): void {
    this.#rest += Buffer.from(chunk).toString('latin1');
  }

  /** The next whole reply, or undefined while it is incomplete. */
  next(): ClientReply | undefined {
    const lines: string[] = [];
    let position = 0;
    for (;;) {
      const end = this.#rest.indexOf('\n', position);
      if (end < 0) return undefined;
      const line = this.#rest.slice(position, end + 1);
      if (!/^[^\r\n\0]*\r\n$/.test(line)) throw new Error(`malformed reply line: ${JSON.stringify(line)}`);
      lines.push(line.slice(0, -2));
      position = end + 1;
      const first = lines[0] ?? '';
      if (!/^[1-5]\d\d[ -]/.test(first)) throw new Error(`not a reply: ${JSON.stringify(first)}`);
      const last = lines.at(-1) ?? '';
      if (first[3] === ' ' || (lines.length > 1 && last.startsWith(`${first.slice(0, 3)} `))) {
        const raw = this.#rest.slice(0, position);
        this.#rest = this.#rest.slice(position);
        return { code: Number(first.slice(0, 3)), text: last.slice(4), lines, raw };
      }
    }
  }
}

/** Codes that curl sees: a reply ends at the first line of the form `ddd SP`, whatever its code. */
export function codesSeenByCurl(raw: string): readonly number[] {
  return raw
    .split('\n')
    .filter((line) => /^\d{3} /.test(line))
    .map((line) => Number(line.slice(0, 3)));
}

/** Codes that FileZilla sees: lines end at CR, LF or NUL; a reply of several lines ends at the same code and a blank. */
export function codesSeenByFileZilla(raw: string): readonly number[] {
  const codes: number[] = [];
  let open: string | undefined;
  for (const line of raw.split(/[\r\n\0]+/)) {
    if (open === undefined) {
      if (/^\d{3}-/.test(line)) open = line.slice(0, 3);
      else if (/^\d{3}( |$)/.test(line)) codes.push(Number(line.slice(0, 3)));
    } else if (line.startsWith(`${open} `)) {
      codes.push(Number(open));
      open = undefined;
    }
  }
  return codes;
}

/** Codes that commons-net sees: a reply of several lines ends at a line that begins with a digit and has no '-' in its fourth place. */
export function codesSeenByCommonsNet(raw: string): readonly number[] {
  const codes: number[] = [];
  let open: number | undefined;
  for (const line of raw.split('\r\n').filter((text) => text !== '')) {
    if (open === undefined) {
      const code = Number(line.slice(0, 3));
      if (line[3] === '-') open = code;
      else codes.push(code);
    } else if (line.length > 3 && /^\d/.test(line) && line[3] !== '-') {
      codes.push(open);
      open = undefined;
    }
  }
  return codes;
}
