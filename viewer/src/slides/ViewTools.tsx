/** Magnifications, turning and the keys that move a slide. */
import { useTranslation } from 'react-i18next';
import { Icon } from './icons';
import { imageZoomFor, nativeObjective, objectives } from './stage/magnification';
import { useOfView, usePane, usePaneKeys } from './stage/pane';
import type { SlideStage } from './stage/SlideStage';
import { InSlot } from './stage/slots';
import { Tool } from './Tool';

const turn_deg = 5;
const quarter_deg = 90;
const panStep_px = 120;
const zoomStep = 1.4;
/** Where nobody knows the objective, only how large a pixel of the slide is on the screen. */
const relativeZooms = [0.125, 0.25, 0.5, 1] as const;

function moveKeys(stage: SlideStage) {
  return {
    '7': () => stage.home(),
    '+': () => stage.zoomBy(zoomStep),
    '=': () => stage.zoomBy(zoomStep),
    '-': () => stage.zoomBy(1 / zoomStep),
    q: () => stage.turnBy(-turn_deg),
    e: () => stage.turnBy(turn_deg),
    'Shift+q': () => stage.turnBy(-quarter_deg),
    'Shift+e': () => stage.turnBy(quarter_deg),
    m: () => mirror(stage),
    x: () => upright(stage),
    ArrowLeft: () => stage.panBy({ x: -panStep_px, y: 0 }),
    ArrowRight: () => stage.panBy({ x: panStep_px, y: 0 }),
    ArrowUp: () => stage.panBy({ x: 0, y: -panStep_px }),
    ArrowDown: () => stage.panBy({ x: 0, y: panStep_px }),
  };
}

/** Left and right of the screen change places, so that what is turned stays as it is. */
function mirror(stage: SlideStage): void {
  const to = stage.target();
  if (to !== null) stage.show({ mirrored: !to.mirrored });
}

function upright(stage: SlideStage): void {
  stage.show({ rotation_deg: 0, mirrored: false });
}

export function ViewTools() {
  const { stage, slide } = usePane();
  const native = nativeObjective(slide);
  const zooms: readonly number[] = native === null ? relativeZooms : objectives.map((objective) => imageZoomFor(objective, native));
  usePaneKeys({
    ...moveKeys(stage),
    ...Object.fromEntries(zooms.map((zoom, index) => [String(index + 1), () => stage.zoomTo(zoom)])),
  });
  return (
    <>
      <InSlot name="objective">
        <Magnifications native={native} zooms={zooms} />
      </InSlot>
      <InSlot name="turn">
        <Turning />
      </InSlot>
    </>
  );
}

function Magnifications({ native, zooms }: { native: number | null; zooms: readonly number[] }) {
  const { t } = useTranslation();
  const { stage } = usePane();
  const at = useOfView((view) => zooms.findIndex((zoom) => Math.abs(view.zoom / zoom - 1) < 0.02));
  return (
    <>
      {zooms.map((zoom, index) => {
        const name =
          native === null ? t('slide.zoom', { percent: zoom * 100 }) : t('slide.objective', { x: Number((zoom * native).toPrecision(3)) });
        const mark = native === null ? undefined : Math.abs(zoom - 1) < 0.01 ? 'native' : zoom > 1 ? 'beyond' : undefined;
        const tip = mark === 'native' ? t('slide.native') : mark === 'beyond' ? t('slide.beyondNative') : undefined;
        return (
          <Tool
            key={zoom}
            name={name}
            tip={tip}
            press={String(index + 1)}
            pressed={at === index}
            mark={mark}
            onClick={() => stage.zoomTo(zoom)}
          >
            {name}
          </Tool>
        );
      })}
      <Tool name={t('slide.whole')} press="7" onClick={() => stage.home()}>
        {t('slide.whole')}
      </Tool>
    </>
  );
}

function Turning() {
  const { t } = useTranslation();
  const { stage } = usePane();
  const turn = useOfView((view) => Math.round(view.rotation_deg) % 360) ?? 0;
  const isMirrored = useOfView((view) => view.mirrored) ?? false;
  return (
    <>
      <Tool name={t('slide.turnLeft')} tip={t('slide.turnLeftTip')} press="Q" onClick={() => stage.turnBy(-turn_deg)}>
        <Icon name="turnLeft" />
      </Tool>
      <Tool name={t('slide.turnRight')} tip={t('slide.turnRightTip')} press="E" onClick={() => stage.turnBy(turn_deg)}>
        <Icon name="turnRight" />
      </Tool>
      <Tool name={t('slide.mirror')} press="M" pressed={isMirrored} onClick={() => mirror(stage)}>
        <Icon name="mirror" />
      </Tool>
      <Tool name={t('slide.upright')} press="X" disabled={turn === 0 && !isMirrored} onClick={() => upright(stage)}>
        {`${turn}°`}
      </Tool>
    </>
  );
}
