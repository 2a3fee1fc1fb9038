/**
 * Directory listings as text: the `ls -l` form of LIST, the facts of MLSD and MLST, the bare names of NLST. Pure.
 */

/** What a listing tells of one file. */
export interface Entry {
  /** Latin-1, one character per byte. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly size: number;
  readonly modified: Date;
  /** Permission bits of the file mode. */
  readonly mode: number;
}

/** The facts this backend knows (RFC 3659 §7.5), in the order in which they are sent. */
export const FACTS = ['type', 'size', 'modify', 'perm'] as const;

/** Name of a fact, lower case. */
export type Fact = (typeof FACTS)[number];

const HALF_A_YEAR = 182 * 86_400_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const TYPES = { file: '-', directory: 'd', link: 'l' } as const;
const TYPE_FACTS = { file: 'file', directory: 'dir', link: 'OS.unix=slink' } as const;
/** RFC 3659 §7.5.5. */
const PERMISSIONS = { file: 'adfrw', directory: 'cdeflmp', link: 'df' } as const;

/** One line of LIST, as `ls -l` writes it in UTC; without line end. */
export function listLine(entry: Entry, now: Date = new Date()): string {
  const { kind, size, modified, name } = entry;
  const age = Math.abs(now.getTime() - modified.getTime());
  const time =
    age > HALF_A_YEAR
      ? ` ${modified.getUTCFullYear()}`
      : `${two(modified.getUTCHours())}:${two(modified.getUTCMinutes())}`;
  const date = `${MONTHS[modified.getUTCMonth()]} ${String(modified.getUTCDate()).padStart(2)} ${time}`;
  return `${TYPES[kind]}${permissionBits(entry.mode)} 1 ftp ftp ${String(size).padStart(12)} ${date} ${name}`;
}

/** The facts of one entry, without the blank and the name behind them (RFC 3659 §7.2). */
export function factsOf(entry: Entry, wanted: ReadonlySet<Fact>): string {
  const values: Record<Fact, string | undefined> = {
    type: TYPE_FACTS[entry.kind],
    size: entry.kind === 'file' ? String(entry.size) : undefined,
    modify: timeStamp(entry.modified),
    perm: PERMISSIONS[entry.kind],
  };
  const told = FACTS.filter((fact) => wanted.has(fact) && values[fact] !== undefined);
  return told.map((fact) => `${fact}=${values[fact]};`).join('');
}

/** `YYYYMMDDHHMMSS` in UTC (RFC 3659 §2.3). */
export function timeStamp(date: Date): string {
  return date.toISOString().replace(/[-:T]/g, '').slice(0, 14);
}

/** Reads `YYYYMMDDHHMMSS`, with or without a fraction, as UTC; undefined where it is no date. */
export function parseTimeStamp(text: string): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?$/.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  return timeStamp(date) === text.slice(0, 14) ? date : undefined;
}

function permissionBits(mode: number): string {
  return Array.from('rwxrwxrwx', (letter, place) => ((mode >> (8 - place)) & 1 ? letter : '-')).join('');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
