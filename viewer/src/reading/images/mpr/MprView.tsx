/** A volume in three planes with a cross where they meet; slabs of a thickness, as average, maximum or minimum. */
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { StudyDetail } from '../../../api/types';
import { useKeys } from '../../../ui/useKeys';
import { usePatientText } from '../../../ui/usePatientText';
import classes from '../Images.module.css';
import type { Window, WindowPreset } from '../presets';
import type { Stack } from '../stack';
import { MprStage, colours, planes, projections, type PlaneName, type PlaneState, type Projection } from './MprStage';

interface Props {
  study: StudyDetail;
  stack: Stack;
  window: Window | null;
  presets: WindowPreset[];
  /** Whether there are segmentations, which are not cut along. */
  hasSegments: boolean;
  /** The same of overlay planes. */
  hasOverlays: boolean;
  onClose: () => void;
}

const thicknesses_mm = [0, 3, 5, 10, 20, 40];

export function MprView({ study, stack, window, presets, hasSegments, hasOverlays, onClose }: Props) {
  const { t } = useTranslation();
  const { name, sex, age } = usePatientText()(study);
  const [active, setActive] = useState<PlaneName>('axial');
  const [slab_mm, setSlab] = useState(0);
  const [projection, setProjection] = useState<Projection>('average');
  const { screens, stage, states, share, failed } = useMprStage(stack, window);
  const isShown = planes.every((plane) => states[plane] !== undefined);

  useEffect(() => {
    if (isShown) stage.current?.setSlab(slab_mm, projection);
  }, [stage, isShown, slab_mm, projection]);

  const thicken = (by: number) => {
    const at = thicknesses_mm.indexOf(slab_mm) + by;
    setSlab(thicknesses_mm[Math.min(Math.max(at, 0), thicknesses_mm.length - 1)] ?? 0);
  };
  const turn = (by: number) => setActive(planes[(planes.indexOf(active) + by + planes.length) % planes.length] ?? 'axial');
  useKeys(
    {
      ArrowUp: () => stage.current?.scroll(active, -1),
      ArrowDown: () => stage.current?.scroll(active, 1),
      PageUp: () => stage.current?.scroll(active, -10),
      PageDown: () => stage.current?.scroll(active, 10),
      ArrowLeft: () => turn(-1),
      ArrowRight: () => turn(1),
      '+': () => thicken(1),
      '=': () => thicken(1),
      '-': () => thicken(-1),
      o: () => setProjection(projections[(projections.indexOf(projection) + 1) % projections.length] ?? 'average'),
      x: () => stage.current?.reset(),
      m: onClose,
      Escape: onClose,
      ...Object.fromEntries(presets.map((preset, index) => [String(index + 1), () => stage.current?.setWindow(preset)])),
    },
    true,
    'within',
  );

  return (
    <div className={classes.stage}>
      <div className={classes.toolbar} role="toolbar" aria-label={t('images.mpr.tools')}>
        <button type="button" className={classes.tool} aria-pressed onClick={onClose}>
          {t('images.mpr.close')}
        </button>
        <label className={classes.field}>
          {t('images.mpr.thickness')}
          <select value={slab_mm} onChange={(event) => setSlab(Number(event.currentTarget.value))}>
            {thicknesses_mm.map((mm) => (
              <option key={mm} value={mm}>
                {mm === 0 ? t('images.mpr.single') : t('images.rulerMm', { mm })}
              </option>
            ))}
          </select>
        </label>
        {projections.map((one) => (
          <button key={one} type="button" className={classes.tool} aria-pressed={slab_mm > 0 && one === projection} disabled={slab_mm === 0} onClick={() => setProjection(one)}>
            {t(`images.mpr.${one}`)}
          </button>
        ))}
        <span className={classes.measureKind} data-testid="mpr-progress">
          {failed ? t('images.mpr.failed') : share < 1 ? t('images.mpr.loading', { percent: Math.round(share * 100) }) : t('images.mpr.keys')}
        </span>
      </div>
      {hasSegments && (
        <div className={classes.note} role="status">
          {t('images.segments.notInMpr')}
        </div>
      )}
      {hasOverlays && (
        <div className={classes.note} role="status">
          {t('images.overlayPlanes.notInMpr')}
        </div>
      )}
      <div className={classes.mpr} data-testid="mpr" data-shown={isShown} data-loaded={share >= 1}>
        {planes.map((plane) => (
          <div
            key={plane}
            className={classes.screenFrame}
            data-plane={plane}
            data-active={plane === active}
            onPointerDownCapture={() => setActive(plane)}
            onWheelCapture={() => setActive(plane)}
            onContextMenu={(event) => event.preventDefault()}
          >
            <div ref={screens[plane]} className={classes.screen} role="img" aria-label={t(`images.mpr.${plane}`)} data-page-keys />
            <PlaneOverlay plane={plane} state={states[plane]} slab={slab_mm > 0 ? `${t(`images.mpr.${projection}`)} ${slab_mm} mm` : ''} />
            {plane === 'axial' && (
              <div className={classes.corner} data-at="top-right">
                <strong>{name}</strong>
                <span>{[sex, age].filter((part) => part !== '').join(' ')}</span>
                <span>{study.patient_id}</span>
              </div>
            )}
          </div>
        ))}
      </div>
    </div>
  );
}

function PlaneOverlay({ plane, state, slab }: { plane: PlaneName; state: PlaneState | undefined; slab: string }) {
  const { t } = useTranslation();
  return (
    <>
      <div className={classes.corner} data-at="top-left">
        <strong style={{ color: colours[plane] }}>{t(`images.mpr.${plane}`)}</strong>
        <span>{slab}</span>
      </div>
      {state !== undefined && (
        <div className={classes.corner} data-at="bottom-left">
          <span data-testid={`mpr-${plane}`}>{t('images.slice', { index: state.index + 1, total: state.count })}</span>
          {state.window !== null && <span>{t('images.window', { w: state.window.width, l: state.window.center })}</span>}
        </div>
      )}
      {state?.orientation != null &&
        (['top', 'left', 'right', 'bottom'] as const).map((side) => (
          <span key={side} className={classes.side} data-at={side}>
            {state.orientation?.[side]}
          </span>
        ))}
    </>
  );
}

function useMprStage(stack: Stack, window: Window | null) {
  const axial = useRef<HTMLDivElement>(null);
  const coronal = useRef<HTMLDivElement>(null);
  const sagittal = useRef<HTMLDivElement>(null);
  const stage = useRef<MprStage | null>(null);
  const first = useRef(window);
  const [states, setStates] = useState<Partial<Record<PlaneName, PlaneState>>>({});
  const [share, setShare] = useState(0);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    const elements = { axial: axial.current, coronal: coronal.current, sagittal: sagittal.current };
    if (elements.axial === null || elements.coronal === null || elements.sagittal === null) return;
    const made = new MprStage({ axial: elements.axial, coronal: elements.coronal, sagittal: elements.sagittal }, stack, {
      onRendered: (plane, state) => setStates((before) => ({ ...before, [plane]: state })),
      onProgress: setShare,
    });
    stage.current = made;
    made.start(first.current).catch(() => setFailed(true));
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(elements.axial);
    return () => {
      observer.disconnect();
      stage.current = null;
      made.destroy();
    };
  }, [stack]);

  return { screens: { axial, coronal, sagittal }, stage, states, share, failed };
}
