/** The request being written: kept in the browser with every key stroke, on the server with every pause, then sent. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { consults } from '../api/endpoints';
import { sentAgain } from '../api/once';
import { keys } from '../api/queries';
import type { Attachment, Consult } from '../api/types';
import { newUuid } from '../api/uid';
import { useMe } from '../session/useMe';
import { readStored, writeStored } from '../ui/useStored';
import { draftFrom, draftKey, emptyDraft, requestFrom, withPartner, type AskDraft, type AskStudy } from './askDraft';
import { saveDraft } from './saveDraft';
import { rememberConsult } from './useConsult';

const typingPause_ms = 1_500;

/** Somebody did not wait for the answer: nothing is known about whether it went, and sending it again finds out. */
export class Stopped extends Error {}

export type SavingState = 'idle' | 'saving' | 'saved' | 'failed';

export function useAsk(start: { study: AskStudy | null; consult: Consult | null }) {
  const me = useMe();
  const cache = useQueryClient();
  const storageKey = draftKey(me.person.id);
  const [written, setWritten] = useState<AskDraft>(() => startingDraft(storageKey, start));
  const partners = useQuery({ queryKey: keys.partners, queryFn: consults.partners });
  const offered = partners.data?.partners ?? [];
  const draft = withPartner(written, offered);

  const latest = useRef(draft);
  const queue = useRef<Promise<unknown>>(Promise.resolve());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [saving, setSaving] = useState<SavingState>('idle');

  const keep = useCallback(
    (next: AskDraft) => {
      latest.current = next;
      setWritten(next);
      writeStored(storageKey, next);
    },
    [storageKey],
  );

  /** One after the other: each save is on the version of the one before. */
  const inTurn = useCallback(<T,>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.current.then(work, work);
    queue.current = turn.catch(() => undefined);
    return turn;
  }, []);

  const save = useCallback(
    () =>
      inTurn(async () => {
        const request = requestFrom(latest.current);
        if (request === null) throw new Error('incomplete');
        setSaving('saving');
        try {
          const once = latest.current.once ?? newUuid();
          keep({ ...latest.current, once });
          const saved = await saveDraft(latest.current.kept, request, once);
          keep({ ...latest.current, kept: { id: saved.id, version: saved.version }, once: null });
          rememberConsult(cache, saved);
          setSaving('saved');
          return saved;
        } catch (error) {
          setSaving('failed');
          throw error;
        }
      }),
    [cache, inTurn, keep],
  );

  useEffect(() => () => clearTimeout(timer.current), []);

  const change = (part: Partial<AskDraft>) => {
    keep({ ...draft, ...part });
    clearTimeout(timer.current);
    // With a study and a question it is worth keeping where another computer finds it, too.
    if (requestFrom(latest.current) === null || latest.current.question.trim() === '') return;
    timer.current = setTimeout(() => void save().catch(() => undefined), typingPause_ms);
  };

  /** Another study is another question: what was written about the one before stays in its own draft. */
  const about = useRef<AskStudy | null>(null);
  const chooseStudy = async (study: AskStudy | null) => {
    about.current = draft.study ?? about.current;
    const before = about.current;
    if (study === null || before === null || before.study_instance_uid === study.study_instance_uid) return change({ study });
    clearTimeout(timer.current);
    const written = { ...draft, study: before };
    if (requestFrom(written) !== null && draft.question.trim() !== '') {
      keep(written);
      await save();
    }
    about.current = study;
    const { reading_organisation, kind, urgency } = draft;
    keep({ ...emptyDraft, study, reading_organisation, kind, urgency });
    setSaving('idle');
  };

  /** Saves the draft if need be, then does something with it that makes a new version. */
  const withDraft = async (work: (saved: Pick<Consult, 'id' | 'version'>, whole: Consult) => Promise<Consult>) => {
    clearTimeout(timer.current);
    // What was kept or sent since this page was drawn counts.
    keep({ ...draft, kept: latest.current.kept, once: latest.current.once });
    const saved = await save();
    return inTurn(async () => {
      const next = await work({ id: saved.id, version: latest.current.kept?.version ?? saved.version }, saved);
      keep({ ...latest.current, kept: { id: next.id, version: next.version } });
      rememberConsult(cache, next);
      return next;
    });
  };

  const stop = useRef<(stopped: Stopped) => void>(undefined);
  const isStopped = useRef(false);
  const send = useMutation({
    onMutate: () => {
      isStopped.current = false;
    },
    mutationFn: () => {
      if (isStopped.current) throw new Stopped();
      const sent = withDraft(({ id, version }, saved) => (saved.state === 'draft' ? consults.act(id, 'submit', version) : Promise.resolve(saved)));
      return Promise.race([sent, new Promise<never>((_, reject) => (stop.current = reject))]);
    },
    retry: sentAgain,
    onSuccess: () => keep(emptyDraft),
  });
  const attach = (file: File) => withDraft(({ id, version }) => consults.attach(id, version, file));
  const detach = (attachment: Attachment) => withDraft(({ id, version }) => consults.detach(id, version, attachment.sha256));

  const keptId = draft.kept?.id ?? '';
  const onServer = useQuery({ queryKey: keys.consult(keptId), queryFn: () => consults.get(keptId), enabled: keptId !== '' });

  /** Also between two tries. */
  const stopSending = () => {
    isStopped.current = true;
    stop.current?.(new Stopped());
  };

  return { draft, change, chooseStudy, partners, offered, save, send, stopSending, saving, attach, detach, attachments: onServer.data?.attachments ?? [] };
}

function startingDraft(storageKey: string, start: { study: AskStudy | null; consult: Consult | null }): AskDraft {
  if (start.consult !== null) return draftFrom(start.consult);
  const kept = { ...emptyDraft, ...readStored<Partial<AskDraft>>(storageKey, {}) };
  if (start.study === null) return kept;
  const same = kept.study?.study_instance_uid === start.study.study_instance_uid;
  // Another study is another question: its words must not travel to the wrong patient.
  return same ? kept : { ...emptyDraft, study: start.study };
}
