// What a browser must load before the first page is there: no more than 300 kB, compressed. Run after the build.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const most_kb = 300;
const dist = (name) => fileURLToPath(new URL(`../dist/${name}`, import.meta.url));
const page = readFileSync(dist('index.html'), 'utf8');
const files = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name);
const weights = files.map((name) => ({ name, bytes: gzipSync(readFileSync(dist(name))).length }));
const kb = weights.reduce((sum, { bytes }) => sum + bytes, 0) / 1000;

if (files.length === 0 || kb > most_kb) {
  const heaviest = weights.sort((a, b) => b.bytes - a.bytes).slice(0, 8);
  console.error(`weight: ${Math.round(kb)} kB before the first page, at most ${most_kb} are allowed`);
  for (const { name, bytes } of heaviest) console.error(`  ${Math.round(bytes / 1000)} kB ${name}`);
  process.exit(1);
}
console.log(`weight: ${Math.round(kb)} kB before the first page (at most ${most_kb})`);
