// Fills viewer/ohif/dist with OHIF, a viewer that others wrote: fetches the npm package named below, checks what came
// against its hash, and unpacks the files that a browser asks for, with their addresses moved from `/` to `/ohif/`.
// Nothing of it is kept in this repository. `node scripts/ohif.mjs` does nothing when all is there.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';

const version = '3.13.2';
const integrity = 'sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==';
// Counts up when this script makes other files of the same version: browsers keep what is below a version for good.
const revision = 1;

const source = fileURLToPath(new URL('../ohif', import.meta.url));
const target = join(source, 'dist');
const folder = `${version}-${revision}`;
const base = `/ohif/${folder}/`;
const stamp = join(target, 'complete');

// Not asked for: models for the segmentation of photographs (136 MB), other logins, service workers, source maps, and
// the pictures of start screens.
const leftOut = [/^ort\//, /\.map$/, /^(sw|init-service-worker|google|oidc-client\.min|app-config)\.js$/, /\.html$/, /^_/, /^serve\.json$/, /^manifest\.json$/, /^assets\/[^/]*\.(png|xml|ico|json|webapp)$/];
const compressed = new Set(['.js', '.css', '.wasm', '.svg', '.json', '.jsonc', '.html']);

const inputs = ['app-config.js', 'index.html'].map((name) => readFileSync(join(source, name)));
const wanted = createHash('sha256').update(integrity).update(folder);
inputs.forEach((input) => wanted.update(input));
wanted.update(readFileSync(fileURLToPath(import.meta.url)));
const mark = wanted.digest('hex');
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === mark) process.exit(0);

const scratch = mkdtempSync(join(tmpdir(), 'ohif-'));
try {
  console.log(`ohif: fetching @ohif/app ${version} (50 MB)`);
  const npm = (...args) => execFileSync('npm', args, { cwd: scratch, stdio: ['ignore', 'pipe', 'inherit'] });
  npm('pack', '--silent', `@ohif/app@${version}`);
  const archive = readdirSync(scratch).find((name) => name.endsWith('.tgz'));
  const came = `sha512-${createHash('sha512').update(readFileSync(join(scratch, archive))).digest('base64')}`;
  if (came !== integrity) throw new Error(`what came is not what is expected: ${came}`);
  execFileSync('tar', ['xzf', archive], { cwd: scratch });
  const dist = join(scratch, 'package/dist');
  const made = join(scratch, 'made');
  let files = 0;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const name = relative(dist, join(entry.parentPath, entry.name));
    if (leftOut.some((pattern) => pattern.test(name))) continue;
    put(join(made, folder, name), moved(name, readFileSync(join(dist, name))));
    files += 1;
  }
  const entry = readdirSync(dist).find((name) => /^app\.bundle\.[0-9a-f]+\.js$/.test(name));
  if (entry === undefined) throw new Error('the package has no app.bundle');
  const page = inputs[1].toString().replaceAll('BASE/', base).replaceAll('ENTRY', entry);
  put(join(made, 'index.html'), Buffer.from(page));
  put(join(made, 'app-config.js'), Buffer.from(inputs[0].toString().replaceAll('BASE/', base)));
  writeFileSync(join(made, 'complete'), mark);
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(made, target);
  } catch {
    // Another file system.
    cpSync(made, target, { recursive: true });
  }
  console.log(`ohif: ${files} files in ${relative(process.cwd(), target) || target}`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** A file whose addresses begin at `base` instead of `/`. */
function moved(name, bytes) {
  const kind = extname(name);
  if (kind === '.css') return Buffer.from(bytes.toString().replace(/url\(\/(?!\/)/g, `url(${base}`));
  if (kind !== '.js') return bytes;
  const text = bytes.toString();
  // Webpack's public path.
  const there = '__webpack_require__.p = "/"';
  return text.includes(there) ? Buffer.from(text.replaceAll(there, `__webpack_require__.p = ${JSON.stringify(base)}`)) : bytes;
}

function put(path, bytes) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  // Said once here instead of at every request.
  if (bytes.length > 1024 && compressed.has(extname(path))) {
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
  }
}
