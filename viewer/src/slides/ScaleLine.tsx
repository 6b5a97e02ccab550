/** The scale bar: true along the screen's horizontal, whatever the turn, and for pixels that are not square. */
import { useTranslation } from 'react-i18next';
import classes from './Slides.module.css';
import { slideVector } from './stage/geometry';
import { distance_um, formatLength, nativeObjective, scaleBar } from './stage/magnification';
import { useFieldOfView, usePane } from './stage/pane';

const scaleBarMax_px = 160;

export function ScaleLine() {
  const { t } = useTranslation();
  const { slide } = usePane();
  const view = useFieldOfView();
  if (view === null) return null;
  const native = nativeObjective(slide);
  const across = slideVector(view, { x: 1, y: 0 });
  const bar = slide.mpp_um === null ? null : scaleBar(distance_um({ x: 0, y: 0 }, across, slide.mpp_um), scaleBarMax_px);
  const turned = Math.round(view.rotation_deg) % 360;
  return (
    <div className={classes.scale}>
      {bar === null ? (
        <span>{t('slide.noScale')}</span>
      ) : (
        <>
          <div className={classes.scaleBar} style={{ width: bar.px }} data-testid="scale-bar" />
          <span data-testid="scale">{formatLength(bar.um)}</span>
        </>
      )}
      <span data-testid="magnification">
        {native === null
          ? t('slide.zoom', { percent: Number((view.zoom * 100).toPrecision(3)) })
          : t('slide.objective', { x: Number((native * view.zoom).toPrecision(3)) })}
      </span>
      {view.zoom > 1.001 && <span>{t('slide.empty_magnification')}</span>}
      {turned !== 0 && <span>{turned}°</span>}
      {view.mirrored && <span>{t('slide.mirrored')}</span>}
    </div>
  );
}
