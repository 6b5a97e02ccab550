/** Measurements of the studies on the screen: fetched, put on their images, and saved while people work. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { measurements as calls, type Measurement } from '../../api/measurements';
import type { StudyDetail } from '../../api/types';
import { newUid } from '../../api/uid';
import { clearScreen, ownMeasurements, putOnScreen, removeFromScreen, whenMeasured } from './annotations';
import { MeasurementSheets, type Listed, type Saving } from './measurementSheets';
import type { Shown } from './Viewport';

/** Long enough that a drag is saved once. */
const quiet_ms = 800;

const keyOf = (study: StudyDetail) => `${study.organisation.id}/${study.study_instance_uid}`;

function place(sheets: MeasurementSheets, { view, stack }: Shown): void {
  const frames = new Map(stack.imageIds.map((imageId) => [`${stack.sopByImageId.get(imageId) ?? ''}/${imageId.split('/').at(-1) ?? ''}`, imageId]));
  const put = (one: Measurement, own: boolean): boolean => {
    const imageId = one.series === stack.seriesUid ? frames.get(`${one.instance}/${one.frame}`) : undefined;
    return imageId !== undefined && putOnScreen(view, imageId, one, own);
  };
  for (const [key, waiting] of sheets.waiting) {
    sheets.waiting.set(key, waiting.filter((one) => !put(one, true)));
  }
  for (const one of sheets.others) put(one, false);
}

export function useMeasurements(studies: readonly StudyDetail[], mayKeep: boolean) {
  const sheets = useRef<MeasurementSheets | null>(null);
  const shown = useRef<Shown[]>([]);
  const [listed, setListed] = useState<Listed[]>([]);
  const [saving, setSaving] = useState<Saving>(mayKeep ? 'saved' : 'notKept');

  const relist = useCallback(() => {
    if (sheets.current === null) return;
    const own = [...sheets.current.own()].flatMap(([study, all]) => all.map((one): Listed => ({ ...one, study, own: true, name: '' })));
    setListed([...own, ...sheets.current.others]);
  }, []);

  useEffect(() => {
    const made = new MeasurementSheets({
      calls,
      onScreen: () => ownMeasurements(newUid),
      keeps: mayKeep ? 'own' : 'nothing',
      onSaving: setSaving,
      onRead: () => {
        shown.current.forEach((one) => place(made, one));
        relist();
      },
    });
    sheets.current = made;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = whenMeasured(() => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        relist();
        void made.save();
      }, quiet_ms);
    });
    return () => {
      end();
      clearTimeout(timer);
      void made.close();
      clearScreen();
      sheets.current = null;
    };
  }, [mayKeep, relist]);

  useEffect(() => {
    for (const study of studies) sheets.current?.read(keyOf(study));
  }, [studies, mayKeep]);

  const onShown = useCallback((all: Shown[]) => {
    const isNew = all.filter((one) => !shown.current.some((had) => had.view === one.view && had.stack === one.stack));
    shown.current = all;
    for (const one of isNew) if (sheets.current !== null) place(sheets.current, one);
  }, []);

  const remove = (one: Listed) => {
    const waiting = sheets.current?.waiting;
    waiting?.set(one.study, (waiting.get(one.study) ?? []).filter(({ id }) => id !== one.id));
    removeFromScreen(one.id);
    relist();
    void sheets.current?.save();
  };
  return { listed, saving, onShown, remove };
}
