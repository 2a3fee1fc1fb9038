/**
 * YAML text to plain data, with the line and column of every key, and environment variables expanded in text values.
 * Knows nothing of the schema: any YAML mapping passes.
 */
import {
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { type Environment, expandEnvironment } from './expand.ts';
import { type ConfigProblem, pathText } from './problem.ts';

/** Place in a text, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What a YAML text says. */
export interface Source {
  /** Plain values; undefined when the text is no YAML. */
  readonly data: unknown;
  /** Where each key and each list item begins, by path. */
  readonly places: ReadonlyMap<string, Place>;
  readonly problems: readonly ConfigProblem[];
}

/** What must be known of keys to speak of their values. */
export interface KeyRules {
  /** Whether nothing of what is written at a path may be quoted. */
  readonly isConfidential: (path: readonly PropertyKey[]) => boolean;
  /** Whether an empty variable at a path is an error, in place of nothing (null). */
  readonly wantsText: (path: readonly PropertyKey[]) => boolean;
  /** The part of a path that may be named. */
  readonly nameable: (path: readonly PropertyKey[]) => readonly PropertyKey[];
}

const NOTHING_KNOWN: KeyRules = { isConfidential: () => true, wantsText: () => false, nameable: () => [] };

/** More than any configuration needs; stops aliases that multiply. */
const MAX_NODES = 100_000;

/** Errors behind which the rest of the text can still be read. */
const HARMLESS_TO_STRUCTURE: readonly ErrorCode[] = [
  'DUPLICATE_KEY',
  'MULTIPLE_DOCS',
  'TAG_RESOLVE_FAILED',
  'BAD_DIRECTIVE',
];

/** In place of words of the parser that quote the text. */
const DISCREET: Partial<Record<ErrorCode, string>> = {
  TAG_RESOLVE_FAILED: 'Unresolved tag (a text that begins with ! wants quotes)',
  BAD_COLLECTION_TYPE: 'Tag that does not fit its value (a text that begins with ! wants quotes)',
  BAD_DIRECTIVE: 'Unknown directive (a text that begins with % wants quotes)',
  BAD_DQ_ESCAPE: 'Invalid escape sequence (in double quotes, \\\\ stands for \\; single quotes know none)',
  BAD_SCALAR_START: 'A text that begins with @, `, % or another sign of YAML wants quotes',
};

const QUOTES_HINT = ` (inside [ ] and { }, write "\${NAME}" in quotes)`;

/** Reads YAML 1.2 (core schema, one document). Everything wrong is in `problems`. Without `keys` nothing is quoted there. */
export function readSource(yamlText: string, env: Environment, keys: KeyRules = NOTHING_KNOWN): Source {
  const lines = new LineCounter();
  const document = parseDocument(yamlText, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
    stringKeys: true,
    logLevel: 'error',
  });
  const problem = ({ code, message, pos }: YAMLError): ConfigProblem => {
    const place = placeAt(lines, pos[0]);
    const unquoted = yamlText.split('\n')[place.line - 1]?.includes(`\${`) ? QUOTES_HINT : '';
    return { path: '', ...place, message: `YAML: ${DISCREET[code] ?? withoutQuotation(message)}${unquoted}` };
  };
  // What follows the first broken structure is usually its echo.
  const [structure] = document.errors.filter(({ code }) => !HARMLESS_TO_STRUCTURE.includes(code));
  const others = [...document.errors, ...document.warnings].filter(({ code }) => HARMLESS_TO_STRUCTURE.includes(code));
  const syntax = [...(structure === undefined ? [] : [structure]), ...others].map(problem);
  if (structure !== undefined) return { data: undefined, places: new Map(), problems: syntax };
  const resolve = (node: Node) => (isAlias(node) ? node.resolve(document) : node);
  const reader = new NodeReader({ env, lines, keys, resolve });
  const data = reader.read(document.contents, []);
  return { data, places: reader.places, problems: [...syntax, ...reader.problems] };
}

/** What the parser says, without the source that it shows behind a colon. */
function withoutQuotation(message: string): string {
  return message.replace(/(?<=\w): .*$/s, '');
}

/** Place of a path, or of the nearest key around it. */
export function nearestPlace(places: ReadonlyMap<string, Place>, path: string): Place | undefined {
  const place = places.get(path);
  if (place !== undefined || path === '') return place;
  const parent = /^(.*?)(?:\.?[\w-]+|\[(?:\d+|".*")\])$/.exec(path)?.[1] ?? '';
  return nearestPlace(places, parent);
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

interface Reading {
  readonly env: Environment;
  readonly lines: LineCounter;
  readonly keys: KeyRules;
  /** What an alias stands for; undefined where its anchor does not stand before it. */
  readonly resolve: (node: Node) => Node | undefined;
}

/** Walks the nodes of one document. */
class NodeReader {
  readonly places = new Map<string, Place>();
  readonly problems: ConfigProblem[] = [];
  readonly #reading: Reading;
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  read(written: Node | null, path: readonly PropertyKey[]): unknown {
    if (written === null) return null;
    const node = this.#reading.resolve(written);
    if (node === undefined) {
      this.#report(path, this.#unknownAlias(written, path));
      return null;
    }
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) {
      if (this.#nodes === MAX_NODES + 1) this.#report(path, `more than ${MAX_NODES} values; too many aliases?`);
      return null;
    }
    if (this.#open.has(node)) {
      this.#report(path, 'found an alias that contains itself');
      return null;
    }
    this.#open.add(node);
    const value = this.#value(node, path);
    this.#open.delete(node);
    return value;
  }

  #value(node: Node, path: readonly PropertyKey[]): unknown {
    if (isMap<ParsedNode, ParsedNode | null>(node)) {
      const entries = node.items.map(({ key, value }) => {
        const name = isScalar(key) ? String(key.value) : String(key);
        const inner = [...path, name];
        this.#remember(inner, key);
        return [name, this.read(value, inner)];
      });
      return Object.fromEntries(entries);
    }
    if (isSeq<ParsedNode>(node)) {
      return node.items.map((item, index) => {
        this.#remember([...path, index], item);
        return this.read(item, [...path, index]);
      });
    }
    return isScalar(node) ? this.#scalar(node.value, node.type === 'PLAIN', path) : null;
  }

  #unknownAlias(node: Node, path: readonly PropertyKey[]): string {
    const name = isAlias(node) && !this.#reading.keys.isConfidential(path) ? ` *${node.source}` : '';
    return `unknown alias${name}: no anchor of that name stands before it (a text that begins with * wants quotes)`;
  }

  #scalar(value: unknown, plain: boolean, path: readonly PropertyKey[]): unknown {
    if (typeof value !== 'string') return value;
    const { env, keys } = this.#reading;
    const { text, replaced, empty, problems } = expandEnvironment(value, env, keys.isConfidential(path));
    for (const problem of problems) this.#report(path, problem);
    const [name] = empty;
    if (text === '' && plain && name !== undefined && problems.length === 0 && keys.wantsText(path)) {
      this.#report(path, `the environment variable ${name} is empty; for none write null, or \${${name}:-null}`);
    }
    return replaced && plain && /^(~|null)?$/.test(text) ? null : text;
  }

  #remember(path: readonly PropertyKey[], node: Node): void {
    if (node.range) this.places.set(pathText(path), placeAt(this.#reading.lines, node.range[0]));
  }

  #report(path: readonly PropertyKey[], message: string): void {
    const place = nearestPlace(this.places, pathText(path));
    this.problems.push({ path: pathText(this.#reading.keys.nameable(path)), ...place, message });
  }
}
