/** What can go wrong with a request, as the decisions a page can take. */
import type { ProblemBody } from './types';

export const problemSlugs = [
  'unauthenticated',
  'code-needed',
  'code-refused',
  'passkey-needed',
  'passkey-refused',
  'other-organisation-now',
  'proof-needed',
  'second-factor-needed',
  'forbidden',
  'not-found',
  'conflict',
  'wrong-state',
  'stale',
  'other-person',
  'precondition-required',
  'invalid',
  'wrong-passphrase',
  'too-many-attempts',
  'too-large',
  'out-of-resources',
  'peer',
  'unavailable',
  'internal',
] as const;

export type ProblemSlug = (typeof problemSlugs)[number];

const byStatus: Record<number, ProblemSlug> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  412: 'stale',
  428: 'precondition-required',
  413: 'too-large',
  422: 'invalid',
  429: 'too-many-attempts',
  502: 'peer',
  503: 'unavailable',
  507: 'out-of-resources',
};

/** The server answered, and the answer is no. */
export class Problem extends Error {
  readonly slug: ProblemSlug;
  readonly status: number;
  readonly detail: string | undefined;
  readonly field: string | undefined;
  readonly instance: string | undefined;

  constructor(status: number, body: Partial<ProblemBody>) {
    super(body.title ?? `HTTP ${status}`);
    this.name = 'Problem';
    this.slug = slugOf(status, body.type);
    this.status = status;
    this.detail = body.detail;
    this.field = body.field;
    this.instance = body.instance;
  }
}

/** The server could not be reached: nothing is known about whether the request took effect. */
export class Unreachable extends Error {
  constructor() {
    super('unreachable');
    this.name = 'Unreachable';
  }
}

export function slugOf(status: number, type: string | undefined): ProblemSlug {
  const named = type?.split('/').pop();
  const known = problemSlugs.find((slug) => slug === named);
  return known ?? byStatus[status] ?? 'internal';
}

/** Reads problem+json where there is one; any other error body becomes a problem with the status alone. */
export function problemFrom(status: number, body: string): Problem {
  try {
    return new Problem(status, JSON.parse(body) as Partial<ProblemBody>);
  } catch {
    return new Problem(status, {});
  }
}

/** What the page says by itself, as the server would, when the session has become somebody else's. */
export function otherPerson(): Problem {
  return new Problem(409, { type: 'other-person' });
}

export function isProblem(error: unknown, slug: ProblemSlug): error is Problem {
  return error instanceof Problem && error.slug === slug;
}
