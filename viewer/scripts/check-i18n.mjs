// Holds two rules: no user-visible text outside the language files, and both files say the same things.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../src', import.meta.url));
const problems = [];

function keysOf(value, path = []) {
  return typeof value === 'string' ? [path.join('.')] : Object.entries(value).flatMap(([key, inner]) => keysOf(inner, [...path, key]));
}

const read = (name) => JSON.parse(readFileSync(join(root, 'i18n', `${name}.json`), 'utf8'));
const zh = new Set();
const sections = new Set();
// What every page may say, and what comes with pages that are opened later: no section is in both.
for (const part of ['', '.later']) {
  const [chinese, english] = [read(`zh${part}`), read(`en${part}`)];
  const [here, there] = [new Set(keysOf(chinese)), new Set(keysOf(english))];
  for (const key of here) if (!there.has(key)) problems.push(`en${part}.json lacks ${key}`);
  for (const key of there) if (!here.has(key)) problems.push(`zh${part}.json lacks ${key}`);
  for (const section of Object.keys(chinese)) {
    if (sections.has(section)) problems.push(`${section} is in zh.json and in zh${part}.json`);
    sections.add(section);
  }
  for (const key of here) zh.add(key);
}

const shownAttributes = new Set(['alt', 'aria-label', 'label', 'placeholder', 'title']);
const han = /\p{Script=Han}/u;
const words = /\p{L}{2}/u;

function check(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const report = (node, text) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    problems.push(`${relative(root, file)}:${line + 1}: text outside the language files: ${text.trim()}`);
  };
  const visit = (node) => {
    if (ts.isJsxText(node) && words.test(node.text)) report(node, node.text);
    else if (ts.isStringLiteralLike(node)) {
      const shown = ts.isJsxAttribute(node.parent) && shownAttributes.has(node.parent.name.getText());
      const child = ts.isJsxExpression(node.parent) && !ts.isJsxAttribute(node.parent.parent);
      if (han.test(node.text) || ((shown || child) && words.test(node.text))) report(node, node.text);
    } else if ((ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) && han.test(node.text)) report(node, node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
}

for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (entry.isFile() && /\.tsx?$/.test(entry.name) && !/\.test\.ts$/.test(entry.name)) check(join(entry.parentPath, entry.name));
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`i18n: ${zh.size} texts in both languages, none elsewhere`);
