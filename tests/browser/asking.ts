/** Questions about 张三's chest CT of the demo, asked with the township's own session. */
import type { Page } from '@playwright/test';
import { demo } from './node.ts';
import { json } from './people.ts';

export interface Asked {
  id: string;
  /** As people read it. */
  number: string;
  version: number;
}

export interface Question {
  question: string;
  urgency?: 'routine' | 'urgent' | 'emergency';
  history?: string;
}

/** One that is not sent yet. */
export async function draftOfChest(township: Page, { question, urgency = 'routine', history = '' }: Question): Promise<Asked> {
  const { studies } = await json<{ studies: { study_instance_uid: string; organisation: { id: string }; instance_count: number }[] }>(
    township.request,
    'get',
    '/api/v1/studies?q=zs&modality=CT',
  );
  const study = studies.find(({ instance_count }) => instance_count === 120);
  const centre = demo().organisations.find(({ kind }) => kind === 'centre');
  if (study === undefined || centre === undefined) throw new Error('the demo has no chest CT');
  return json<Asked>(township.request, 'post', '/api/v1/consults', {
    reading_organisation: centre.id,
    kind: 'diagnosis',
    urgency,
    study: { org: study.organisation.id, study_instance_uid: study.study_instance_uid },
    question,
    history,
    consent: true,
  });
}

/** One that waits in the pool. */
export async function askOfChest(township: Page, question: Question): Promise<Asked> {
  const draft = await draftOfChest(township, question);
  const { version } = await json<Asked>(township.request, 'post', `/api/v1/consults/${draft.id}/submit`, { version: draft.version });
  return { ...draft, version };
}

/** Takes a question off everybody's list again; whoever reads it gives it back first, if it came so far. */
export async function takeBack(township: Page, id: string, reader: Page): Promise<void> {
  // A page notes in the draft what it shows; nobody looks at the case when it ends.
  await reader.goto('/');
  await reader.waitForLoadState('networkidle');
  const address = `/api/v1/consults/${id}`;
  const noted = await json<{ version: number; state: string }>(township.request, 'get', address);
  const { version } = noted.state === 'reading' ? await json<Asked>(reader.request, 'post', `${address}/release`, { version: noted.version }) : noted;
  await json(township.request, 'post', `${address}/cancel`, { version, reason: '测试' });
}
