/** Measurements of the studies on the screen: fetched, put on their images, and saved while people work. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { measurements as calls, type Measurement, type MeasurementSheet } from '../../api/measurements';
import { Problem } from '../../api/problem';
import type { StudyDetail } from '../../api/types';
import { clearScreen, ownMeasurements, putOnScreen, removeFromScreen, whenMeasured } from './annotations';
import { newUid } from './measured';
import type { Shown } from './Viewport';

/** Long enough that a drag is saved once. */
const quiet_ms = 800;

export interface Listed extends Measurement {
  study: string;
  own: boolean;
  /** Whose, when it is not one's own. */
  name: string;
}

export type Saving = 'saved' | 'saving' | 'failed' | 'refused';

interface Sheets {
  versions: Map<string, number>;
  /** What is saved, as text, so that nothing is sent twice. */
  saved: Map<string, string>;
  /** Own measurements on images that have not been on the screen. */
  waiting: Map<string, Measurement[]>;
  others: Listed[];
  ready: Set<string>;
}

const keyOf = (study: StudyDetail) => `${study.organisation.id}/${study.study_instance_uid}`;
const empty = (): Sheets => ({ versions: new Map(), saved: new Map(), waiting: new Map(), others: [], ready: new Set() });

export function useMeasurements(studies: readonly StudyDetail[], mayKeep: boolean) {
  const sheets = useRef<Sheets>(empty());
  const shown = useRef<Shown[]>([]);
  const [listed, setListed] = useState<Listed[]>([]);
  const [saving, setSaving] = useState<Saving>('saved');
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const busy = useRef(false);
  /** Something changed while the sheet was on its way. */
  const again = useRef(false);

  const all = useCallback((key: string): Measurement[] => {
    const onScreen = ownMeasurements(newUid).get(key) ?? [];
    return [...(sheets.current.waiting.get(key) ?? []), ...onScreen];
  }, []);

  const relist = useCallback(() => {
    const own = [...sheets.current.ready].flatMap((study) => all(study).map((one): Listed => ({ ...one, study, own: true, name: '' })));
    setListed([...own, ...sheets.current.others]);
  }, [all]);

  const save = useCallback(async (): Promise<void> => {
    again.current = true;
    if (busy.current || !mayKeep) return;
    busy.current = true;
    try {
      while (again.current) {
        again.current = false;
        for (const key of sheets.current.ready) {
          const now = all(key);
          const text = JSON.stringify(now);
          if (text === (sheets.current.saved.get(key) ?? '[]')) continue;
          setSaving('saving');
          const [org = '', study = ''] = key.split('/');
          const sheet = await calls.save(org, study, sheets.current.versions.get(key) ?? 0, now);
          sheets.current.versions.set(key, sheet.version);
          sheets.current.saved.set(key, text);
        }
      }
      setSaving('saved');
    } catch (error) {
      // Saved in another window meanwhile: what is here stays on the screen, and the page says so.
      setSaving(error instanceof Problem && error.status === 412 ? 'refused' : 'failed');
    } finally {
      busy.current = false;
    }
  }, [all, mayKeep]);

  const place = useCallback(({ view, stack }: Shown) => {
    const frames = new Map(stack.imageIds.map((imageId) => [`${stack.sopByImageId.get(imageId) ?? ''}/${imageId.split('/').at(-1) ?? ''}`, imageId]));
    const put = (one: Measurement, own: boolean): boolean => {
      const imageId = one.series === stack.seriesUid ? frames.get(`${one.instance}/${one.frame}`) : undefined;
      if (imageId !== undefined) putOnScreen(view, imageId, one, own);
      return imageId !== undefined;
    };
    for (const [key, waiting] of sheets.current.waiting) {
      sheets.current.waiting.set(key, waiting.filter((one) => !put(one, true)));
    }
    for (const one of sheets.current.others) put(one, false);
  }, []);

  useEffect(() => {
    let stale = false;
    for (const study of studies) {
      const key = keyOf(study);
      if (sheets.current.ready.has(key)) continue;
      calls
        .list(study.organisation.id, study.study_instance_uid)
        .then((found: MeasurementSheet[]) => {
          if (stale || sheets.current.ready.has(key)) return;
          const own = found.find((sheet) => sheet.own);
          sheets.current.versions.set(key, own?.version ?? 0);
          sheets.current.waiting.set(key, own?.measurements ?? []);
          sheets.current.saved.set(key, JSON.stringify(own?.measurements ?? []));
          const others = found.filter((sheet) => !sheet.own);
          sheets.current.others.push(...others.flatMap((sheet) => sheet.measurements.map((one) => ({ ...one, study: key, own: false, name: sheet.name }))));
          sheets.current.ready.add(key);
          shown.current.forEach(place);
          relist();
        })
        // Without them the images are still there to be read; saving will say what is wrong.
        .catch(() => setSaving('failed'));
    }
    return () => {
      stale = true;
    };
  }, [studies, place, relist]);

  useEffect(() => {
    const end = whenMeasured(() => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        relist();
        void save();
      }, quiet_ms);
    });
    return () => {
      end();
      if (timer.current !== null) clearTimeout(timer.current);
      void save();
      clearScreen();
      sheets.current = empty();
    };
  }, [relist, save]);

  const onShown = useCallback(
    (all: Shown[]) => {
      const isNew = all.filter((one) => !shown.current.some((had) => had.view === one.view && had.stack === one.stack));
      shown.current = all;
      isNew.forEach(place);
    },
    [place],
  );

  const remove = (one: Listed) => {
    sheets.current.waiting.set(one.study, (sheets.current.waiting.get(one.study) ?? []).filter(({ id }) => id !== one.id));
    removeFromScreen(one.id);
    relist();
    void save();
  };
  return { listed, saving, onShown, remove, save };
}
