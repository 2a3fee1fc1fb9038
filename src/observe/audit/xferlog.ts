/**
 * A finished transfer as a line of xferlog, the format of wu-ftpd that ProFTPD and vsftpd write too (xferlog(5)). Pure.
 */
import { asOneWord } from '../../wire/redact.ts';

/** What the line tells. */
export interface XferlogEntry {
  /** When it ended; shown in local time. */
  readonly at: Date;
  readonly milliseconds: number;
  /** Address of the client. */
  readonly address: string;
  readonly bytes: number;
  /** Latin-1; undefined where nobody knows it. */
  readonly path: string | undefined;
  readonly type: 'ascii' | 'image' | 'other';
  readonly direction: 'upload' | 'download';
  /** Latin-1, as the client sent it. */
  readonly user: string;
  readonly complete: boolean;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
/** Names under which nobody in particular logs in (RFC 1635). */
const ANONYMOUS = /^(?:anonymous|ftp)$/i;

/** The line with its end. 18 words: the first five are the time. */
export function xferlogLine(entry: XferlogEntry): string {
  const { address, bytes, path, type, direction, user, complete } = entry;
  return `${[
    localTime(entry.at),
    // quirk: wu-ftpd and vsftpd never write 0.
    Math.max(1, Math.round(entry.milliseconds / 1000)),
    address,
    bytes,
    word(path),
    type === 'ascii' ? 'a' : 'b',
    '_',
    direction === 'upload' ? 'i' : 'o',
    ANONYMOUS.test(user) ? 'a' : 'r',
    word(user),
    'ftp',
    0,
    '*',
    complete ? 'c' : 'i',
  ].join(' ')}\n`;
}

/** Never empty, or else the words behind it would move. */
function word(text: string | undefined): string {
  return text === undefined || text === '' ? '?' : asOneWord(text);
}

/** As ctime(3): `Thu Sep  2 09:52:00 2004`. */
function localTime(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
  const day = String(at.getDate()).padStart(2, ' ');
  return `${DAYS[at.getDay()]} ${MONTHS[at.getMonth()]} ${day} ${clock} ${at.getFullYear()}`;
}
