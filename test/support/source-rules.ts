/**
 * Reads TypeScript sources as a tree of imports and finds what breaks the rules of a house: layers, cycles, packages and
 * forbidden words. Works on texts, so that a made-up tree can be checked too. Knows nothing of what the files do.
 */
import { posix } from 'node:path';
import ts from 'typescript';

/** Sources by their path inside the tree, such as `wire/reply.ts`. */
export type SourceTree = ReadonlyMap<string, string>;

/** Layers by folder or file of the tree; a row for a file goes before the row for its folder. */
export type Layers = Readonly<Record<string, number>>;

/** Who may import some packages. Folders end in `/`. */
export interface PackageRule {
  readonly packages: readonly string[];
  readonly allowed: readonly string[];
  /** Who may import types of them. */
  readonly types?: readonly string[];
  /** Names that everybody may import: pure functions. */
  readonly names?: readonly string[];
}

/** One import, export … from, `import()` or `import('…').Type`. */
export interface Import {
  /** Undefined where it is computed. */
  readonly specifier: string | undefined;
  readonly line: number;
  readonly typeOnly: boolean;
  /** Names of values that are imported by name; undefined where everything is. */
  readonly names: readonly string[] | undefined;
}

/** Every import of a source, whatever its form. */
export function importsOf(path: string, text: string): readonly Import[] {
  const source = parse(path, text);
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean, names?: readonly string[]): void => {
    const literal = specifier && ts.isStringLiteralLike(specifier) ? specifier.text : undefined;
    found.push({ specifier: literal, line: lineOf(source, node), typeOnly, names });
  };
  visit(source, (node) => {
    if (ts.isImportDeclaration(node)) {
      const names = valueNames(node.importClause);
      add(node, node.moduleSpecifier, names?.length === 0, names);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      const clause = node.exportClause;
      const names = clause && ts.isNamedExports(clause) ? namesOfValues(clause.elements) : undefined;
      add(node, node.moduleSpecifier, node.isTypeOnly || names?.length === 0, names);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false);
    } else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    }
  });
  return found;
}

/** Imports that go upwards or sideways, leave the tree, or whose file has no layer. */
export function layerViolations(tree: SourceTree, layers: Layers): readonly string[] {
  return eachImport(tree, (path, { specifier }) => {
    const own = unitOf(path, layers);
    if (own === undefined) return 'has no row in the layer table';
    if (specifier === undefined) return 'computes what it imports';
    if (!specifier.startsWith('.')) return undefined;
    const target = resolve(path, specifier);
    if (!tree.has(target)) return `imports ${specifier}, which is no source file`;
    const other = unitOf(target, layers);
    if (other === undefined) return `imports ${target}, which has no row in the layer table`;
    const distance = (layers[own] ?? 0) - (layers[other] ?? 0);
    if (distance > 0 || (distance === 0 && folderOf(path) === folderOf(target))) return undefined;
    return `L${layers[own]} ${own} may import its own folder and lower layers, not L${layers[other]} ${target}`;
  });
}

/** Cycles between files, type imports included; each is told once. */
export function cycleViolations(tree: SourceTree): readonly string[] {
  const done = new Set<string>();
  const violations: string[] = [];
  const follow = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) violations.push(`${path}: cycle ${[...trail.slice(start), path].join(' → ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const { specifier } of importsOf(path, tree.get(path) ?? '')) {
      const target = specifier?.startsWith('.') ? resolve(path, specifier) : '';
      if (tree.has(target)) follow(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of tree.keys()) follow(path, []);
  return violations;
}

/** Imports of packages by somebody who may not, and of packages that no rule names. Other Node modules are free. */
export function packageViolations(tree: SourceTree, rules: readonly PackageRule[]): readonly string[] {
  return eachImport(tree, (path, { specifier, typeOnly, names }) => {
    if (specifier === undefined || specifier.startsWith('.')) return undefined;
    const name = packageOf(specifier);
    const rule = rules.find(({ packages }) => packages.includes(name));
    if (rule === undefined) return name.startsWith('node:') ? undefined : `no rule allows the package ${name}`;
    const within = (places: readonly string[]): boolean =>
      places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
    if (within(rule.allowed) || (typeOnly && within(rule.types ?? []))) return undefined;
    if (!typeOnly && names?.every((imported) => rule.names?.includes(imported))) return undefined;
    return `${name} belongs to ${rule.allowed.join(', ') || 'nobody'}${typeOnly ? ', its types too' : ''}`;
  });
}

/** Files that are too long, `any`, comments that silence the compiler, and notes of unfinished work. */
export function textViolations(tree: SourceTree, maxLines: number): readonly string[] {
  const violations: string[] = [];
  for (const [path, text] of tree) {
    const lines = text.replace(/\n$/, '').split('\n');
    if (lines.length > maxLines) violations.push(`${path}:${maxLines + 1}: ${lines.length} lines, at most ${maxLines}`);
    for (const [index, line] of lines.entries()) {
      const word = /@ts-(?:ignore|nocheck|expect-error)|\b(?:TODO|FIXME)\b/.exec(line)?.[0];
      if (word !== undefined) violations.push(`${path}:${index + 1}: ${word}`);
    }
    const source = parse(path, text);
    visit(source, (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) violations.push(`${path}:${lineOf(source, node)}: any`);
    });
  }
  return violations;
}

/**
 * Tests that are left out or run alone. Below `maySkip` a skip is fine where a comment stands directly above it, or its title
 * begins with `SKIPPED`; and `runIf` is fine there: it picks the cases that a real program has. Elsewhere only `skipIf` with a comment
 * is: what a machine lacks (IPv6) cannot be tested on it.
 */
export function leftOutTests(tree: SourceTree, maySkip: string): readonly string[] {
  const violations: string[] = [];
  for (const [path, text] of tree) {
    const source = parse(path, text);
    const lines = text.split('\n');
    visit(source, (node) => {
      if (!ts.isPropertyAccessExpression(node) || !isTestFunction(node.expression)) return;
      const line = lineOf(source, node);
      const word = node.name.text;
      if (word === 'only' || word === 'todo') violations.push(`${path}:${line}: .${word}`);
      if (!/^(?:skip|skipIf|runIf)$/.test(word) || (word === 'runIf' && path.startsWith(maySkip))) return;
      const reason = /^\s*(?:\/\/|\/?\*)/.test(lines[line - 2] ?? '') || /\(['"`]SKIPPED\b/.test(lines[line - 1] ?? '');
      if (!reason || (word !== 'skipIf' && !path.startsWith(maySkip)))
        violations.push(`${path}:${line}: .${word} without a documented reason below ${maySkip}`);
    });
  }
  return violations;
}

function eachImport(tree: SourceTree, judge: (path: string, found: Import) => string | undefined): readonly string[] {
  return [...tree].flatMap(([path, text]) =>
    importsOf(path, text).flatMap((found) => {
      const problem = judge(path, found);
      return problem === undefined ? [] : [`${path}:${found.line}: ${problem}`];
    }),
  );
}

/** The outermost folder of a file; empty for a file at the top. */
function folderOf(path: string): string {
  return path.includes('/') ? `${path.split('/')[0]}/` : '';
}

/** The row of the layer table that a file belongs to. */
function unitOf(path: string, layers: Layers): string | undefined {
  const folder = folderOf(path);
  return path in layers ? path : folder in layers ? folder : undefined;
}

function resolve(path: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(path), specifier));
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function valueNames(clause: ts.ImportClause | undefined): readonly string[] | undefined {
  if (clause === undefined) return undefined;
  if (clause.isTypeOnly) return [];
  if (clause.name || !clause.namedBindings || ts.isNamespaceImport(clause.namedBindings)) return undefined;
  return namesOfValues(clause.namedBindings.elements);
}

function namesOfValues(elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]): readonly string[] {
  return elements.filter(({ isTypeOnly }) => !isTypeOnly).map(({ name, propertyName }) => (propertyName ?? name).text);
}

function isTestFunction(expression: ts.Expression): boolean {
  if (ts.isPropertyAccessExpression(expression)) return isTestFunction(expression.expression);
  return ts.isIdentifier(expression) && /^(?:it|test|describe|suite|context)$/.test(expression.text);
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}
