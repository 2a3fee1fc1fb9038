/**
 * References to environment variables in text: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`.
 * Pure: the environment is handed in. Knows nothing of YAML and of the keys in which the text stands.
 */

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Text with its references replaced. */
export interface Expansion {
  readonly text: string;
  /** Whether a reference was replaced, as opposed to nothing found or only `$${`. */
  readonly replaced: boolean;
  /** What was wrong with references; the text is then not to be used. */
  readonly problems: readonly string[];
}

/**
 * Replaces every reference. A default stands in for a variable that is unset or empty (as in a POSIX shell) and reaches to the next `}`;
 * a reference without default to an unset variable is a problem.
 */
export function expandEnvironment(text: string, env: Environment): Expansion {
  const problems: string[] = [];
  let replaced = false;
  const expanded = text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (match, body: string | undefined, close: string) => {
    if (body === undefined) return '${';
    const reference = /^([A-Za-z_]\w*)(?::-([\s\S]*))?$/.exec(body);
    if (reference === null || close === '') {
      problems.push(`found ${JSON.stringify(match)}, expected \${NAME} or \${NAME:-default} ($\${ for a literal \${)`);
      return '';
    }
    const [, name = '', fallback] = reference;
    const value = env[name];
    if (value === undefined && fallback === undefined) {
      problems.push(`the environment variable ${name} is not set; set it, or write \${${name}:-default}`);
      return '';
    }
    replaced = true;
    return (value === '' ? fallback : undefined) ?? value ?? fallback ?? '';
  });
  return { text: expanded, replaced, problems };
}
