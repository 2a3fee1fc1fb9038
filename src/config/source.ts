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

/** More than any configuration needs; stops aliases that multiply. */
const MAX_NODES = 100_000;

/** Errors behind which the rest of the text can still be read. */
const HARMLESS_TO_STRUCTURE: readonly ErrorCode[] = [
  'DUPLICATE_KEY',
  'MULTIPLE_DOCS',
  'TAG_RESOLVE_FAILED',
  'BAD_DIRECTIVE',
];

const QUOTES_HINT = ` (inside [ ] and { }, write "\${NAME}" in quotes)`;

/** Reads YAML 1.2 (core schema, one document). Everything wrong is in `problems`. */
export function readSource(yamlText: string, env: Environment): Source {
  const lines = new LineCounter();
  const document = parseDocument(yamlText, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
    stringKeys: true,
    logLevel: 'error',
  });
  const problem = ({ message, pos }: YAMLError): ConfigProblem => {
    const place = placeAt(lines, pos[0]);
    const unquoted = yamlText.split('\n')[place.line - 1]?.includes(`\${`) ? QUOTES_HINT : '';
    return { path: '', ...place, message: `YAML: ${message}${unquoted}` };
  };
  // What follows the first broken structure is usually its echo.
  const [structure] = document.errors.filter(({ code }) => !HARMLESS_TO_STRUCTURE.includes(code));
  const others = [...document.errors, ...document.warnings].filter(({ code }) => HARMLESS_TO_STRUCTURE.includes(code));
  const syntax = [...(structure === undefined ? [] : [structure]), ...others].map(problem);
  if (structure !== undefined) return { data: undefined, places: new Map(), problems: syntax };
  const reader = new NodeReader(env, lines, (node) => (isAlias(node) ? node.resolve(document) : node));
  const data = reader.read(document.contents, []);
  return { data, places: reader.places, problems: [...syntax, ...reader.problems] };
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

/** Walks the nodes of one document. */
class NodeReader {
  readonly places = new Map<string, Place>();
  readonly problems: ConfigProblem[] = [];
  readonly #env: Environment;
  readonly #lines: LineCounter;
  readonly #resolve: (node: Node) => Node | undefined;
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(env: Environment, lines: LineCounter, resolve: (node: Node) => Node | undefined) {
    this.#env = env;
    this.#lines = lines;
    this.#resolve = resolve;
  }

  read(written: Node | null, path: readonly PropertyKey[]): unknown {
    const node = written === null ? undefined : this.#resolve(written);
    if (node === undefined) return null;
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

  #scalar(value: unknown, plain: boolean, path: readonly PropertyKey[]): unknown {
    if (typeof value !== 'string') return value;
    const { text, replaced, problems } = expandEnvironment(value, this.#env);
    for (const problem of problems) this.#report(path, problem);
    return replaced && plain && /^(~|null)?$/.test(text) ? null : text;
  }

  #remember(path: readonly PropertyKey[], node: Node): void {
    if (node.range) this.places.set(pathText(path), placeAt(this.#lines, node.range[0]));
  }

  #report(path: readonly PropertyKey[], message: string): void {
    this.problems.push({ path: pathText(path), message });
  }
}
