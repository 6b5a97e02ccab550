/**
 * One way to speak to the server: same origin, session cookie, problem+json.
 * A session that has run out does not fail a request: the person logs in over the page and the request goes again.
 */
import { noteServerDate, setReachable } from './connection';
import { Problem, Unreachable, problemFrom } from './problem';

export const apiRoot = '/api/v1';
export const dicomwebRoot = '/dicom-web';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Relogin = () => Promise<void>;

let askForLogin: Relogin | null = null;

/** The session's own dialog registers itself here; `null` when nobody is logged in yet. */
export function onSessionExpired(handler: Relogin | null): void {
  askForLogin = handler;
}

let shownOrganisation: string | null = null;
let tellOfOther: (() => void) | null = null;

/** The organisation that the page shows: requests say so, and are refused when the session acts for another by now. */
export function showOrganisation(id: string | null): void {
  shownOrganisation = id;
}

/** The dialog that has the page be loaded again. */
export function onOtherOrganisation(handler: (() => void) | null): void {
  tellOfOther = handler;
}

type Prove = () => Promise<boolean>;

let askForProof: Prove | null = null;

/** The dialog that has somebody prove again who they are; it says `false` when they would rather not. */
export function onProofNeeded(handler: Prove | null): void {
  askForProof = handler;
}

/** Whether this refusal only asks who it is, and they have just proved it. */
async function hasProved({ status, body }: Answer): Promise<boolean> {
  if (status !== 403 || askForProof === null) return false;
  return problemFrom(status, body).slug === 'proof-needed' && (await askForProof());
}

/** Whether the session has run out; a code or a passkey that is not good is refused with 401 as well. */
function hasLapsed({ status, body }: Answer): boolean {
  return status === 401 && problemFrom(status, body).slug === 'unauthenticated';
}

/** For senders other than `fetch` (uploads need XHR for progress): waits until somebody is logged in again. */
export async function relogin(): Promise<boolean> {
  if (askForLogin === null) return false;
  await askForLogin();
  return true;
}

export interface RequestOptions {
  body?: unknown;
  form?: FormData;
  /** A file as it is. */
  file?: Blob;
  /** DICOMweb instead of the interface for people. */
  root?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** It is sent to its end when the page is left (at most 64 KiB). */
  keepalive?: boolean;
  /** A 401 is the answer itself (login, "who am I"), not a lapse. */
  anonymous?: boolean;
}

interface Answer {
  status: number;
  body: string;
}

/** A line that is dead fails nothing by itself: what nothing is heard of for so long counts as cut. */
const silence_ms = { GET: 30_000, POST: 60_000, PUT: 60_000, DELETE: 60_000 };
/** Nobody tells how much of a file has gone: a line that is slower than this is of no use. */
const slowest_bytes_per_ms = 8;

/** How long until the first of the answer must be here. */
function patience_ms(method: Method, { file, form }: RequestOptions): number {
  const files = [file, ...(form?.values() ?? [])];
  return silence_ms[method] + files.reduce((sum, one) => sum + (one instanceof Blob ? one.size : 0), 0) / slowest_bytes_per_ms;
}

/** All of a body; `heard` is told of each part of it. */
async function textOf({ body }: Response, heard: () => void): Promise<string> {
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  let text = '';
  for (;;) {
    const part = await reader?.read();
    if (part?.value === undefined) return text + decoder.decode();
    heard();
    text += decoder.decode(part.value, { stream: true });
  }
}

async function send(method: Method, path: string, options: RequestOptions): Promise<Answer> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (method !== 'GET') headers['X-Farsight'] = '1';
  if (shownOrganisation !== null) headers['X-Farsight-Organisation'] = shownOrganisation;
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  const line = new AbortController();
  const cut = () => line.abort();
  options.signal?.throwIfAborted();
  options.signal?.addEventListener('abort', cut);
  let timer = setTimeout(cut, patience_ms(method, options));
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(cut, silence_ms[method]);
  };
  try {
    const response = await fetch((options.root ?? apiRoot) + path, {
      method,
      headers,
      credentials: 'same-origin',
      body: options.form ?? options.file ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      signal: line.signal,
      keepalive: options.keepalive,
    });
    setReachable(true);
    noteServerDate(response.headers.get('Date'));
    heard();
    return { status: response.status, body: await textOf(response, heard) };
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    setReachable(false);
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', cut);
  }
}

/**
 * Sends one request and parses its JSON answer.
 * @throws Problem when the server refuses, Unreachable when it does not answer.
 */
export async function request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
  let answer = await send(method, path, options);
  if (options.anonymous !== true && hasLapsed(answer) && (await relogin())) answer = await send(method, path, options);
  if (await hasProved(answer)) answer = await send(method, path, options);
  if (answer.status < 200 || answer.status >= 300) {
    const problem = problemFrom(answer.status, answer.body);
    if (problem.slug === 'other-organisation-now') tellOfOther?.();
    throw problem;
  }
  return (answer.status === 204 ? undefined : JSON.parse(answer.body)) as T;
}

/** Whether there is something at an address that is of no use to the page itself. */
export async function exists(path: string): Promise<boolean> {
  try {
    return (await fetch(apiRoot + path, { method: 'HEAD', credentials: 'same-origin', signal: AbortSignal.timeout(silence_ms.GET) })).ok;
  } catch {
    throw new Unreachable();
  }
}

/** A query string without the parameters that are empty. */
export function query(parameters: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

/** Network trouble and a busy server pass; a refusal does not. */
export function isWorthRetrying(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Problem && error.status === 503);
}
