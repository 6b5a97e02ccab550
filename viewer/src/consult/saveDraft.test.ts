import { beforeEach, expect, test, vi } from 'vitest';
import { Problem, Unreachable } from '../api/problem';
import type { Consult, ConsultRequest } from '../api/types';
import { saveDraft } from './saveDraft';

const asked: ConsultRequest = {
  study: { org: 'hospital', study_instance_uid: '1.2.3' },
  priors: [],
  left_out_series: ['1.2.3.2', '1.2.3.1'],
  slide_id: null,
  reading_organisation: 'centre',
  kind: 'diagnosis',
  urgency: 'urgent',
  question: '结节性质？',
  history: '',
  consent: true,
};

/** A server that keeps what it is sent, and whose answer is lost when `isLost` says so. */
const server = vi.hoisted(() => ({ kept: new Map<string, Consult>(), byOnce: new Map<string, string>(), isLost: false }));

vi.mock('../api/endpoints', () => {
  const answer = (consult: Consult) => {
    if (!server.isLost) return Promise.resolve(consult);
    server.isLost = false;
    return Promise.reject(new Unreachable());
  };
  const of = (id: string, version: number, { reading_organisation, left_out_series, ...request }: ConsultRequest) => {
    const written = { ...request, left_out_series: left_out_series.toSorted(), reading: { id: reading_organisation, name: '' } };
    const consult = { ...written, study: request.study, priors: [], id, version, state: 'draft' } as unknown as Consult;
    server.kept.set(id, consult);
    return consult;
  };
  return {
    consults: {
      create: (request: ConsultRequest, once: string) => {
        const known = server.kept.get(server.byOnce.get(once) ?? '');
        if (known !== undefined) return answer(known);
        const id = `c${server.kept.size}`;
        server.byOnce.set(once, id);
        return answer(of(id, 1, request));
      },
      edit: (id: string, version: number, request: ConsultRequest) => {
        const known = server.kept.get(id);
        if (known === undefined) return Promise.reject(new Problem(404, { type: '/problems/not-found' }));
        if (known.version !== version) return Promise.reject(new Problem(409, { type: '/problems/conflict' }));
        if (known.state !== 'draft') return Promise.reject(new Problem(409, { type: '/problems/wrong-state' }));
        return answer(of(id, version + 1, request));
      },
      get: (id: string) => Promise.resolve(server.kept.get(id)),
    },
  };
});

const lose = async (work: () => Promise<Consult>) => {
  server.isLost = true;
  await expect(work()).rejects.toThrow('unreachable');
};

const becomes = (id: string, state: Consult['state']) => {
  const consult = server.kept.get(id);
  if (consult !== undefined) server.kept.set(id, { ...consult, state, version: consult.version + 1 });
};

beforeEach(() => {
  server.kept.clear();
  server.byOnce.clear();
});

test('a draft whose first answer was lost is there once, in the words that were written last', async () => {
  await lose(() => saveDraft(null, asked, 'u1'));
  expect((await saveDraft(null, asked, 'u1')).id).toBe('c0');
  const later = await saveDraft(null, { ...asked, question: '结节性质？需要手术吗？' }, 'u1');
  expect([later.id, later.question]).toEqual(['c0', '结节性质？需要手术吗？']);
  expect(server.kept.size).toBe(1);
});

test('a draft whose second answer was lost goes on from the newest version', async () => {
  const first = await saveDraft(null, asked, 'u1');
  await lose(() => saveDraft(first, { ...asked, history: '一' }, 'u2'));
  const saved = await saveDraft(first, { ...asked, history: '一二' }, 'u2');
  expect([saved.id, saved.history, server.kept.size]).toEqual(['c0', '一二', 1]);
});

test('a question whose sending was answered to nobody is sent, and not asked again', async () => {
  const first = await saveDraft(null, asked, 'u1');
  becomes(first.id, 'accepted');
  expect(await saveDraft(first, asked, 'u2')).toMatchObject({ id: 'c0', state: 'accepted' });
  expect(server.kept.size).toBe(1);
});

test('what was sent in other words, or is over, becomes a new draft', async () => {
  const first = await saveDraft(null, asked, 'u1');
  becomes(first.id, 'accepted');
  const other = await saveDraft(first, { ...asked, question: '复查' }, 'u2');
  expect(other).toMatchObject({ id: 'c1', state: 'draft', question: '复查' });
  becomes('c1', 'cancelled');
  await lose(() => saveDraft(other, { ...asked, question: '复查' }, 'u3'));
  expect((await saveDraft(other, { ...asked, question: '复查' }, 'u3')).id).toBe('c2');
  expect((await saveDraft({ id: 'gone', version: 1 }, { ...asked, question: '复查' }, 'u3')).id).toBe('c2');
});
