/**
 * The nodes that the browsers talk to, one for each worker: `farsight demo` with the samples, on free ports, over a fresh
 * directory. FARSIGHT_DEMO=path/to/demo.json uses one that is already running (its consults are left behind in it).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FullConfig } from '@playwright/test';

const root = resolve(import.meta.dirname, '../..');
const readyLimit_ms = 300_000;

export const artefacts = process.env['FARSIGHT_ARTEFACTS'] ?? join(root, 'tests/artefacts');
export const screenshots = join(artefacts, 'screenshots');

export interface Account {
  login: string;
  password: string;
  name: string;
  signing_passphrase: string | null;
}

export interface Demo {
  base_url: string;
  accounts: Account[];
  organisations: { id: string; kind: 'hospital' | 'centre'; token: string }[];
  /** PEM file. */
  trust_anchors: string;
}

/** Where the node of the worker with this number wrote what it is: for the workers, which begin with this environment. */
const ofWorker = (index: number) => `FARSIGHT_DEMO_${index}`;

/** The demo.json of the node that this worker's tests talk to; it is in the node's data directory. */
export function manifest(): string {
  const path = process.env['FARSIGHT_DEMO'] ?? process.env[ofWorker(Number(process.env['TEST_PARALLEL_INDEX']))];
  if (path === undefined) throw new Error('the node has not been started');
  return path;
}

/** What it says. */
export function demo(): Demo {
  return read(manifest());
}

function read(path: string): Demo {
  return JSON.parse(readFileSync(path, 'utf8')) as Demo;
}

export function account(login: string): Account {
  const found = demo().accounts.find((one) => one.login === login);
  if (found === undefined) throw new Error(`demo.json has no account ${login}`);
  return found;
}

export function program(): string {
  const target = process.env['CARGO_TARGET_DIR'] ?? join(root, 'target');
  const path = process.env['FARSIGHT_BIN'] ?? join(target, 'debug/farsight');
  if (!existsSync(path)) throw new Error(`there is no program at ${path}: cargo build -p server`);
  return path;
}

/** A demonstration of one's own, over a fresh directory, that can be stopped and started again where it was. */
export class DemoNode {
  /** Goes when the node ends, with what tests put beside its data. */
  readonly folder = mkdtempSync(join(tmpdir(), 'farsight-browser-'));
  private process: ChildProcess | null = null;

  constructor(private readonly name: string) {}

  get manifest(): string {
    return join(this.folder, 'data/demo.json');
  }

  /** PEM file of the authority that the first start has made, with its key. */
  authority(): string {
    const secrets = JSON.parse(readFileSync(join(dirname(this.manifest), 'demo-secrets.json'), 'utf8')) as { authority_pem: string };
    const path = join(this.folder, 'authority.pem');
    writeFileSync(path, secrets.authority_pem);
    return path;
  }

  async start(address = '127.0.0.1:0', more: readonly string[] = []): Promise<void> {
    // Tests ask about what they have sent a moment ago; those of the quiet period say what it is.
    const quiet_s = more.includes('--quiet-s') ? [] : ['--quiet-s', '0'];
    const log = join(artefacts, `server-${this.name}.log`);
    const out = openSync(log, 'a');
    const node = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', '--', program(), 'demo', '--data', join(this.folder, 'data'), '--http', address, '--dicom', '127.0.0.1:0', ...quiet_s, ...more],
      { cwd: root, stdio: ['ignore', out, out] },
    );
    closeSync(out);
    this.process = node;
    const began = performance.now();
    // A manifest means that it is ready.
    while (!existsSync(this.manifest)) {
      if (node.exitCode !== null || performance.now() - began > readyLimit_ms) {
        node.kill('SIGKILL');
        throw new Error(`the demo is not ready: see ${log}`);
      }
      await pause(50);
    }
  }

  /** `SIGKILL`: as when the power goes. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const node = this.process;
    this.process = null;
    if (node === null) return;
    const ended = new Promise<void>((done) => node.once('exit', () => done()));
    node.kill(signal);
    const killer = setTimeout(() => node.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(killer);
    rmSync(this.manifest, { force: true });
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const readers = ['reader', 'reviewer', 'pathologist'];

/** What opens by itself after signing is next.spec's; all others look at what they have signed. */
async function stayOnSignedCases(node: DemoNode): Promise<void> {
  const { base_url, accounts } = read(node.manifest);
  for (const { login, password } of accounts.filter((one) => readers.includes(one.login))) {
    const send = (method: string, path: string, data: object, cookie = '') =>
      fetch(`${base_url}/api/v1/${path}`, { method, headers: { 'Content-Type': 'application/json', 'X-Farsight': '1', Cookie: cookie }, body: JSON.stringify(data) });
    const session = await send('POST', 'session', { login, password });
    const cookies = session.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
    const kept = await send('PUT', 'session/preferences', { opens_next: false }, cookies);
    if (!kept.ok) throw new Error(`the preferences of ${login} are not kept: ${await kept.text()}`);
  }
}

/** Playwright's global set-up: starts the nodes, and returns what stops them. */
export default async function start({ workers }: FullConfig): Promise<() => Promise<void>> {
  rmSync(screenshots, { recursive: true, force: true });
  mkdirSync(screenshots, { recursive: true });
  if (process.env['FARSIGHT_DEMO'] !== undefined) return async () => {};

  const began = performance.now();
  const nodes = Array.from({ length: workers }, (_, index) => new DemoNode(`browser-${index}`));
  await Promise.all(nodes.map((node) => node.start()));
  console.log(`${workers} demos with their samples were ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  for (const [index, node] of nodes.entries()) {
    process.env[ofWorker(index)] = node.manifest;
    await stayOnSignedCases(node);
  }
  return async () => void (await Promise.all(nodes.map((node) => node.end())));
}
