/** The request being written: kept in the browser with every key stroke, sent in two steps (draft, submit). */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { consults } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';
import { readStored, writeStored } from '../ui/useStored';
import { draftFrom, draftKey, emptyDraft, requestFrom, withPartner, type AskDraft, type AskStudy } from './askDraft';
import { rememberConsult } from './useConsult';

export function useAsk(start: { study: AskStudy | null; consult: Consult | null }) {
  const me = useMe();
  const cache = useQueryClient();
  const storageKey = draftKey(me.person.id);
  const [written, setWritten] = useState<AskDraft>(() => startingDraft(storageKey, start));
  const partners = useQuery({ queryKey: keys.partners, queryFn: consults.partners });
  const offered = partners.data?.partners ?? [];
  const draft = withPartner(written, offered);

  const change = (part: Partial<AskDraft>) => {
    const next = { ...draft, ...part };
    setWritten(next);
    writeStored(storageKey, next);
  };

  const send = useMutation({
    mutationFn: async () => {
      const request = requestFrom(draft);
      if (request === null) throw new Error('incomplete');
      const { kept } = draft;
      const saved = kept === null ? await consults.create(request) : await consults.edit(kept.id, kept.version, request);
      change({ kept: { id: saved.id, version: saved.version } });
      return consults.act(saved.id, 'submit', saved.version);
    },
    onSuccess: (sent) => {
      writeStored(storageKey, emptyDraft);
      rememberConsult(cache, sent);
    },
  });

  return { draft, change, partners, offered, send };
}

function startingDraft(storageKey: string, start: { study: AskStudy | null; consult: Consult | null }): AskDraft {
  if (start.consult !== null) return draftFrom(start.consult);
  const kept = { ...emptyDraft, ...readStored<Partial<AskDraft>>(storageKey, {}) };
  if (start.study === null) return kept;
  const same = kept.study?.study_instance_uid === start.study.study_instance_uid;
  // Another study is another question: its words must not travel to the wrong patient.
  return same ? kept : { ...emptyDraft, study: start.study };
}
