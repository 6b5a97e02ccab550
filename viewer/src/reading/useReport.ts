/** The report being written, saved by itself. */
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import { consults } from '../api/endpoints';
import { Problem } from '../api/problem';
import { keys } from '../api/queries';
import type { Consult, KeyImage, Me, ReportDraft } from '../api/types';
import { rememberConsult, type ActOn } from '../consult/useConsult';
import { useMe } from '../session/useMe';
import type { ComparedReport } from '../templates/api';
import type { Filled } from '../templates/fill';
import { evidenceOf, withinEvidence } from './evidence';
import { ReportSaver, type OnServer, type SaveState } from './reportDraft';
import { beginning, keepUnsent, unsentKey, unsentWords, wordsOf, type Unsent } from './unsent';

/** What a person writes: texts, what is filled into a template, and what it is compared with. */
export type ReportText = Filled & { compared: readonly ComparedReport[] };

type Whole = ReportDraft & ReportText;

const blank: Whole = {
  findings: '',
  diagnosis: '',
  recommendation: '',
  template: null,
  template_version: null,
  values: {},
  sections: {},
  compared: [],
  displayed: [],
  key_images: [],
};

/** The server leaves out what is empty. */
export function whole(report: Partial<ReportDraft> | null): Whole {
  return { ...blank, ...report, template_version: report?.template_version ?? null };
}

export interface Report {
  text: ReportText;
  keyImages: readonly KeyImage[];
  state: SaveState;
  /** Words of this browser that were not written over what the server holds: nothing is sent until somebody chooses. */
  other: ReportDraft | null;
  chooseMine: () => void;
  chooseTheirs: () => void;
  write: (part: Partial<ReportText>) => void;
  chooseKeyImages: (chosen: KeyImage[]) => void;
  /** Notes that an image was on the screen, if the request is about it. */
  saw: (sopInstanceUid: string) => void;
  /** Resolves with the version under which the server has every word. */
  flush: () => Promise<number>;
  /** Until it is let go of, nothing is sent by itself: what is about to be signed stays as it is shown. */
  hold: () => () => void;
  actOn: ActOn;
}

/** Whether the report is this person's to write now. */
export function mayWrite(consult: Consult, me: Me): boolean {
  const mayRead = consult.allowed.includes('sign') || consult.allowed.includes('edit');
  return mayRead && consult.reader?.id === me.person.id;
}

/** Which signature this person may give now. */
export function signsAs(consult: Consult): 'sign' | 'review' | null {
  return consult.allowed.includes('sign') ? 'sign' : consult.allowed.includes('review') ? 'review' : null;
}

/** What may be done with an earlier report while one is written: it is quoted under what stands there already. */
export function priorWriting(report: Report): { onCompare: (compared: ComparedReport[]) => void; onQuote: (text: string) => void } {
  return {
    onCompare: (compared) => report.write({ compared }),
    onQuote: (text) => report.write({ findings: report.text.findings.trim() === '' ? text : `${report.text.findings}\n${text}` }),
  };
}

/** One time of writing: from when the case is ours until it is not, or until somebody chose whose words count. */
interface Session {
  server: OnServer;
  report: Whole;
  toSend: boolean;
  other: ReportDraft | null;
}

export function useReport(consult: Consult, editable: boolean): Report {
  const me = useMe();
  const cache = useQueryClient();
  const storageKey = unsentKey(consult.id, me.person.id);
  // It grows when images are taken in that arrived later.
  const evidence = useMemo(() => evidenceOf(consult), [consult]);

  const begin = (server: OnServer, unsent: Unsent | null): Session => {
    const { report, ...rest } = beginning(server.report, unsent);
    // Kept by an earlier release, unsent words have no key images, and may name images beside the request.
    return { ...rest, server, report: withinEvidence(whole(report), evidence) };
  };
  const beginHere = () => begin(consult, editable ? unsentWords(storageKey) : null);
  const [session, setSession] = useState(beginHere);
  const [text, setText] = useState<ReportText>(session.report);
  const [keyImages, setKeyImages] = useState<readonly KeyImage[]>(session.report.key_images);
  const [state, setState] = useState<SaveState>({ kind: 'saved', at: null });

  const enter = (next: Session, how: SaveState = { kind: 'saved', at: null }) => {
    setSession(next);
    setText(next.report);
    setKeyImages(next.report.key_images);
    setState(how);
  };
  const [wasEditable, setWasEditable] = useState(editable);
  if (wasEditable !== editable) {
    setWasEditable(editable);
    // Others may have written since the page was opened.
    if (editable) enter(beginHere());
  }

  // Another window of the same person has saved: this one shows it, unless something here is unsent.
  const goOnWith = useEffectEvent((server: OnServer) => enter(begin(server, null), { kind: 'followed' }));

  const saver = useRef<ReportSaver | null>(null);
  const holds = useRef(0);
  /** What this page has shown; what was displayed before it was opened is in the report. */
  const seen = useRef(new Set<string>());
  const latest = useRef(session.report);
  const version = useRef(consult.version);
  useEffect(() => {
    version.current = consult.version;
  }, [consult.version]);

  // Images may have been looked at before the case was claimed, or before they were taken in.
  const noteSeen = useEffectEvent(() => saver.current?.saw([...seen.current].filter((uid) => evidence.has(uid))));
  // The page may have learned by now that it was signed, or that another has it.
  const isOver = useEffectEvent(() => {
    const now = cache.getQueryData<Consult>(keys.consult(consult.id));
    return !editable || (now !== undefined && !mayWrite(now, me));
  });

  useEffect(() => {
    latest.current = session.report;
    if (!editable || session.other !== null) return;
    let isCurrent = true;
    const made = new ReportSaver(session.report, session.server, {
      save: async (onVersion, report) => {
        const saved = await consults.saveReport(consult.id, onVersion, report);
        // The page, opened again at once, begins with these words.
        cache.setQueryData(keys.consult(consult.id), saved);
        return saved;
      },
      current: async () => {
        const now = await consults.get(consult.id);
        rememberConsult(cache, now);
        return now;
      },
      keep: (unsent) => keepUnsent(storageKey, unsent),
      follow: (server) => {
        if (isCurrent) goOnWith(server);
      },
      now: Date.now,
      isHeld: () => holds.current > 0,
      changed: (next) => {
        if (isCurrent) setState(next);
      },
    });
    saver.current = made;
    // Words that a lost lease, or a lost line, kept here go as soon as the case is ours again.
    if (session.toSend) made.change(latest.current);
    noteSeen();
    return () => {
      isCurrent = false;
      saver.current = null;
      if (isOver()) made.end();
      else made.stop();
    };
  }, [cache, consult.id, editable, storageKey, session]);

  useEffect(() => noteSeen(), [evidence]);

  const follow = useEffectEvent(() => {
    const mine = saver.current;
    if (mine === null || consult.version <= mine.currentVersion || mine.heard(consult)) return;
    if (mine.isIdle) goOnWith(consult);
  });
  useEffect(() => follow(), [consult]);

  const other = !editable ? null : state.kind === 'overtaken' ? state.mine : session.other;

  const choose = async (mine: ReportDraft | null) => {
    const server = await consults.get(consult.id);
    rememberConsult(cache, server);
    if (mine === null) keepUnsent(storageKey, null);
    const displayed = server.report?.displayed ?? [];
    enter(begin(server, mine === null ? null : { report: { ...mine, displayed }, over: [wordsOf(server.report)] }));
  };

  const write = useCallback((part: Partial<ReportText>) => {
    latest.current = { ...latest.current, ...part };
    setText(latest.current);
    saver.current?.change(part);
  }, []);

  const chooseKeyImages = useCallback((chosen: KeyImage[]) => {
    latest.current = { ...latest.current, key_images: chosen };
    setKeyImages(chosen);
    saver.current?.change({ key_images: chosen });
  }, []);

  const saw = useCallback(
    (sop: string) => {
      if (seen.current.has(sop)) return;
      seen.current.add(sop);
      if (evidence.has(sop)) saver.current?.saw([sop]);
    },
    [evidence],
  );

  const undecided = session.other !== null;
  const flush = useCallback(async () => {
    if (saver.current === null) {
      // Unsent words wait for a decision: nothing is signed or handed on over them.
      if (editable && undecided) throw new Problem(409, { type: 'conflict' });
      return version.current;
    }
    await saver.current.flush();
    return Math.max(saver.current.currentVersion, version.current);
  }, [editable, undecided]);

  const hold = useCallback(() => {
    holds.current += 1;
    return () => {
      holds.current -= 1;
      if (holds.current === 0) saver.current?.resume();
    };
  }, []);

  const actOn = useCallback<ActOn>(
    async (act) => {
      const letGo = hold();
      try {
        const next = await act(await flush());
        saver.current?.heard(next);
        return next;
      } finally {
        letGo();
      }
    },
    [flush, hold],
  );

  // Beside words of this browser that wait for a decision stands what the server holds.
  const own = editable && other === null;
  return {
    text: own ? text : whole(consult.report),
    keyImages: own ? keyImages : (consult.report?.key_images ?? []),
    state,
    other,
    chooseMine: () => void choose(other).catch(() => undefined),
    chooseTheirs: () => void choose(null).catch(() => undefined),
    write,
    chooseKeyImages,
    saw,
    flush,
    hold,
    actOn,
  };
}
