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
  /** The variables of which nothing came: empty, and without a default that is not. */
  readonly empty: readonly string[];
  /** What was wrong with references; the text is then not to be used. */
  readonly problems: readonly string[];
}

/**
 * Replaces every reference. A default stands in for a variable that is unset or empty (as in a POSIX shell) and reaches to the next `}`;
 * a reference without default to an unset variable is a problem. Problems never quote what stands in the text beside the names of variables;
 * in a `confidential` text these are told only where it consists of references, because `pa${ss}word` may be meant as it stands.
 */
export function expandEnvironment(text: string, env: Environment, confidential = false): Expansion {
  const problems: string[] = [];
  const empty: string[] = [];
  const discreet = confidential && !/^(\$\{[^}]*\})+$/.test(text);
  let replaced = false;
  const expanded = text.replace(
    /\$\$\{|\$\{([^}]*)(\}?)/g,
    (_, body: string | undefined, close: string, offset: number) => {
      if (body === undefined) return '${';
      const reference = /^([A-Za-z_]\w*)(?::-([\s\S]*))?$/.exec(body);
      if (reference === null || close === '') {
        problems.push(
          `found a malformed \${ at character ${offset + 1}, expected \${NAME} or \${NAME:-default} ($\${ for a literal \${)`,
        );
        return '';
      }
      const [, name = '', fallback] = reference;
      const value = env[name];
      if (value === undefined && fallback === undefined) {
        const [which, shown] = discreet ? [`at character ${offset + 1}`, 'NAME'] : [name, name];
        problems.push(`the environment variable ${which} is not set; set it, or write \${${shown}:-default}`);
        return '';
      }
      replaced = true;
      const given = (value === '' ? fallback : undefined) ?? value ?? fallback ?? '';
      if (given === '') empty.push(name);
      return given;
    },
  );
  return { text: expanded, replaced, empty, problems };
}
