/** Keeps a draft on the server over a line on which answers are lost: whatever is sent twice is there once. */
import { consults } from '../api/endpoints';
import { isProblem, type Problem } from '../api/problem';
import type { Consult, ConsultRequest } from '../api/types';
import { newUuid } from '../api/uid';
import { isAsAsked, type AskDraft } from './askDraft';

/** The draft, or the question that it has become when it has been sent in these words. A new one is made with `once`. */
export async function saveDraft(kept: AskDraft['kept'], request: ConsultRequest, once: string): Promise<Consult> {
  if (kept === null) return begin(request, once);
  try {
    return await consults.edit(kept.id, kept.version, request);
  } catch (error) {
    if (isProblem(error, 'not-found')) return begin(request, once);
    if (isProblem(error, 'wrong-state') || isProblem(error, 'conflict') || isProblem(error, 'stale')) {
      const newest = await consults.get(kept.id);
      return goOn(newest, request, once, newest.version === kept.version ? error : null);
    }
    throw error;
  }
}

/** A new draft, or the one that it has become already when the answer was lost. */
async function begin(request: ConsultRequest, once: string): Promise<Consult> {
  const made = await consults.create(request, once);
  return isAsAsked(made, request) ? made : goOn(made, request, newUuid(), null);
}

/**
 * An answer was lost, or the draft is open twice: what is on this page goes on from the newest version. A question that has been sent in
 * these words is sent; what was sent in others, or ended without an answer, does not hold up what is written here: it becomes a new one.
 */
async function goOn(newest: Consult, request: ConsultRequest, once: string, refusal: Problem | null): Promise<Consult> {
  if (newest.state === 'draft') {
    if (refusal !== null) throw refusal;
    return consults.edit(newest.id, newest.version, request);
  }
  if (newest.state !== 'cancelled' && newest.state !== 'rejected' && isAsAsked(newest, request)) return newest;
  return begin(request, once);
}
