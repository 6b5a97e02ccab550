/** The report being written, saved by itself. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { consults } from '../api/endpoints';
import type { Consult, KeyImage, ReportDraft } from '../api/types';
import { useMe } from '../session/useMe';
import { evidenceOf, withinEvidence } from './evidence';
import { ReportSaver, type SaveState } from './reportDraft';
import { keepUnsent, unsentKey, unsentWords } from './unsent';

export type ReportText = Pick<ReportDraft, 'findings' | 'diagnosis' | 'recommendation'>;

const blank: ReportDraft = { findings: '', diagnosis: '', recommendation: '', template: null, displayed: [], key_images: [] };

export interface Report {
  text: ReportText;
  keyImages: readonly KeyImage[];
  state: SaveState;
  write: (part: Partial<ReportText>) => void;
  chooseKeyImages: (chosen: KeyImage[]) => void;
  /** Notes that an image was on the screen, if the request is about it. */
  saw: (sopInstanceUid: string) => void;
  /** Resolves with the version under which the server has every word. */
  flush: () => Promise<number>;
}

export function useReport(consult: Consult, editable: boolean): Report {
  const me = useMe();
  const storageKey = unsentKey(consult.id, me.person.id);
  // It grows when images are taken in that arrived later.
  const evidence = useMemo(() => evidenceOf(consult), [consult]);
  const [start] = useState(() => {
    const unsent = editable ? unsentWords(storageKey, consult, me.person.id) : null;
    // Kept by an earlier release, unsent words have no key images, and may name images beside the request.
    return { report: withinEvidence({ ...blank, ...(unsent ?? consult.report) }, evidence) };
  });
  const [text, setText] = useState<ReportText>(start.report);
  const [keyImages, setKeyImages] = useState<readonly KeyImage[]>(start.report.key_images);
  const [state, setState] = useState<SaveState>({ kind: 'saved', at: null });
  const saver = useRef<ReportSaver | null>(null);
  const seen = useRef(new Set(start.report.displayed));
  const latest = useRef(start.report);
  const version = useRef(consult.version);

  const timeline = useRef(consult.timeline);

  useEffect(() => {
    version.current = consult.version;
    timeline.current = consult.timeline;
  }, [consult.version, consult.timeline]);

  useEffect(() => {
    if (!editable) return;
    const made = new ReportSaver(latest.current, version.current, {
      save: (onVersion, report) => consults.saveReport(consult.id, onVersion, report),
      currentVersion: async () => (await consults.get(consult.id)).version,
      keep: (report) => keepUnsent(storageKey, report),
      now: Date.now,
      changed: setState,
    });
    saver.current = made;
    // Words that a lost lease, or a lost line, kept here go as soon as the case is ours again.
    if (unsentWords(storageKey, { timeline: timeline.current }, me.person.id) !== null) made.change(latest.current);
    // Images may have been looked at before the case was claimed.
    else if (seen.current.size > latest.current.displayed.length) made.change({ displayed: [...seen.current] });
    return () => {
      saver.current = null;
      made.stop();
    };
  }, [consult.id, editable, storageKey, me.person.id]);

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
      if (!evidence.has(sop) || seen.current.has(sop)) return;
      seen.current.add(sop);
      saver.current?.change({ displayed: [...seen.current] });
    },
    [evidence],
  );

  const flush = useCallback(async () => {
    if (saver.current === null) return version.current;
    await saver.current.flush();
    return Math.max(saver.current.currentVersion, version.current);
  }, []);

  return {
    text: editable ? text : (consult.report ?? blank),
    keyImages: editable ? keyImages : (consult.report?.key_images ?? []),
    state,
    write,
    chooseKeyImages,
    saw,
    flush,
  };
}
