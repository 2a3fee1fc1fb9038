/**
 * What is wrong with a configuration, as values and as text. Knows neither YAML nor the schema.
 */

/** One thing that is wrong, or that deserves a warning. */
export interface ConfigProblem {
  /** Key, such as `listeners[0].port`; empty for the file as a whole. */
  readonly path: string;
  /** Place of that key, or of the nearest key around it, counted from 1. Absent where no text was read. */
  readonly line?: number;
  readonly column?: number;
  /** What was found and what would be right. */
  readonly message: string;
  /** Paths of the other keys that the broken rule reads. */
  readonly related?: readonly string[];
}

/** `sallyport.yaml:3:5 listeners[0].port: found 70000, expected …`; parts that are unknown are left out. */
export function describeProblem(problem: ConfigProblem, file?: string): string {
  const place = problem.line === undefined ? [] : [problem.line, problem.column ?? 1];
  const where = [...(file === undefined ? [] : [file]), ...place].join(':');
  const subject = [where, problem.path].filter((part) => part !== '').join(' ');
  return subject === '' ? problem.message : `${subject}: ${problem.message}`;
}

/** A configuration that cannot be used. `message` lists every problem, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];
  readonly file: string | undefined;
  /** Files that it names, as far as it could be read: one of them may be what is wrong. */
  readonly named: readonly string[];

  constructor(problems: readonly ConfigProblem[], file?: string, named: readonly string[] = []) {
    super(problems.map((problem) => describeProblem(problem, file)).join('\n'));
    this.problems = problems;
    this.file = file;
    this.named = named;
  }
}

/** The path of nested keys as text: `['listeners', 0, 'port']` becomes `listeners[0].port`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = String(key);
    if (!/^[\w-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/** Whether one path is the other, or lies inside it. */
export function isInside(path: string, outer: string): boolean {
  return outer === '' || path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}
