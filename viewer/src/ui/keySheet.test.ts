import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { label, places, sheet, type Place } from './keySheet';

const root = resolve(import.meta.dirname, '..');

/** Whose bindings are whose row of the sheet. */
const files: Record<Place, readonly string[]> = {
  everywhere: [
    'shell/Shell.tsx',
    'reading/StudyPage.tsx',
    'slides/SlidePage.tsx',
    'consult/RequesterCase.tsx',
    'consult/SignedReportPage.tsx',
    'corrections/StudyCorrectionsPage.tsx',
  ],
  worklist: ['worklist/WorklistPage.tsx'],
  report: ['reading/ReadingPage.tsx', 'reading/CaseBar.tsx', 'reading/window/ReportWindow.tsx'],
  images: ['reading/images/ImageViewer.tsx', 'reading/images/CineBar.tsx'],
  mpr: ['reading/images/mpr/MprView.tsx'],
  slide: [
    'slides/SlideViewer.tsx',
    'slides/ViewTools.tsx',
    'slides/measure/MeasureTools.tsx',
    'slides/notes/NoteTools.tsx',
    'slides/notes/Drawing.tsx',
    'slides/picture/PictureTools.tsx',
    'slides/depth/DepthTools.tsx',
  ],
  studies: ['studies/StudiesPage.tsx'],
  patients: ['patients/PeoplePane.tsx', 'patients/QueuePane.tsx'],
  assignment: ['assignment/CasePile.tsx'],
  orders: ['orders/OrdersPage.tsx'],
  devices: ['devices/DevicesPage.tsx', 'devices/RulesPane.tsx', 'deliveries/RoutesPane.tsx'],
  deidentify: ['deidentify/DeidentifyPage.tsx'],
};
/** Escape leaves a case, too; it is told once, of all pages that are left by it. */
const toldElsewhere: Partial<Record<Place, readonly string[]>> = { report: ['Escape'] };

const callers = ['useKeys', 'usePaneKeys'];

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

/** What a name stands for: a constant or a function of the file, or of the one that it is imported from. */
function meaningOf(name: string, source: ts.SourceFile): { node: ts.Node; source: ts.SourceFile } | null {
  let found: ts.Node | null = null;
  let from: string | null = null;
  visit(source, (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name && node.initializer !== undefined) found ??= node.initializer;
    if (ts.isFunctionDeclaration(node) && node.name?.text === name) found ??= node;
    if (ts.isImportDeclaration(node) && node.importClause?.namedBindings?.getText().match(new RegExp(`\\b${name}\\b`)) != null) from = (node.moduleSpecifier as ts.StringLiteral).text;
  });
  if (found !== null) return { node: found, source };
  if (from === null || !(from as string).startsWith('.')) return null;
  const file = ['.ts', '.tsx'].map((ending) => resolve(dirname(source.fileName), from as string) + ending).find(existsSync);
  return file === undefined ? null : meaningOf(name, parse(file));
}

const figures = (key: string): string => key.replace(/^(Alt\+)?\d(–\d)?$/, '$1figures');

/** Spelled bindings in an expression; what they do is not looked into. */
function namesIn(node: ts.Node, source: ts.SourceFile): string[] {
  if (ts.isObjectLiteralExpression(node)) {
    return node.properties.flatMap((one) => (ts.isSpreadAssignment(one) ? namesIn(one.expression, source) : [(one.name as ts.Identifier | ts.StringLiteral).text]));
  }
  if (ts.isConditionalExpression(node)) return [...namesIn(node.whenTrue, source), ...namesIn(node.whenFalse, source)];
  if (ts.isParenthesizedExpression(node)) return namesIn(node.expression, source);
  if (ts.isIdentifier(node)) {
    const meant = meaningOf(node.text, source);
    return meant === null ? [] : namesIn(meant.node, meant.source);
  }
  if (ts.isFunctionDeclaration(node)) {
    const names: string[] = [];
    visit(node, (inner) => {
      if (ts.isReturnStatement(inner) && inner.expression !== undefined && ts.isObjectLiteralExpression(inner.expression)) names.push(...namesIn(inner.expression, source));
    });
    return names;
  }
  if (!ts.isCallExpression(node)) throw new Error(`${source.fileName}: bindings that are not understood: ${node.getText()}`);
  return node.expression.getText() === 'Object.fromEntries' ? fromEntries(node, source) : namesIn(node.expression, source);
}

/** `String(n + 1)`, `Alt+${n + 1}`, and tables of keys by what they do. */
function fromEntries(node: ts.CallExpression, source: ts.SourceFile): string[] {
  const text = node.getText();
  if (/\[String\(\w+ \+ 1\),/.test(text)) return ['figures'];
  if (/\[`Alt\+\$\{\w+ \+ 1\}`,/.test(text)) return ['Alt+figures'];
  const table = /\b(\w+Keys)\b/.exec(text)?.[1];
  const meant = table === undefined ? null : meaningOf(table, source);
  if (meant === null || !ts.isObjectLiteralExpression(meant.node)) throw new Error(`${source.fileName}: bindings that are not understood: ${text}`);
  return meant.node.properties.map((one) => ((one as ts.PropertyAssignment).initializer as ts.StringLiteral).text);
}

function boundIn(file: string): string[] {
  const source = parse(join(root, file));
  const names: string[] = [];
  visit(source, (node) => {
    const [bindings] = ts.isCallExpression(node) && callers.includes(node.expression.getText()) ? node.arguments : [];
    if (bindings !== undefined) names.push(...namesIn(bindings, source));
  });
  return names;
}

const sorted = (keys: Iterable<string>): string[] => [...new Set(keys)].sort();

test.each(places)('the sheet says of %s what its pages understand, and nothing else', (place) => {
  const bound = files[place].flatMap(boundIn).map(figures);
  const told = Object.values<readonly string[]>(sheet[place]).flat().map(figures);
  expect(sorted([...told, ...(toldElsewhere[place] ?? [])])).toEqual(sorted(bound));
});

test('every file with keys is on the sheet', () => {
  const all = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.tsx'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => new RegExp(`\\b(${callers.join('|')})\\(`).test(readFileSync(join(root, file), 'utf8')));
  expect(sorted(Object.values(files).flat())).toEqual(sorted(all));
});

test('keys are shown as they are printed on keyboards', () => {
  expect(label(['j', 'k', 'ArrowUp', 'Home'])).toBe('j k ↑ Home');
  expect(label(['Ctrl+p'])).toBe('Ctrl+P');
  expect(label(['Ctrl+Enter'])).toBe('Ctrl+Enter');
  expect(label(['+', '=', '-'])).toBe('+ -');
  expect(label(['Delete', 'Backspace'])).toBe('Del');
});
