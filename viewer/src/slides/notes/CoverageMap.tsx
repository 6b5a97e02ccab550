/** What of the slide was seen, as a map over the whole of it: the darker, the larger it was on the screen. */
import { useTranslation } from 'react-i18next';
import { fit, Miniature } from '../overview/Miniature';
import { nativeObjective } from '../stage/magnification';
import { usePane } from '../stage/pane';
import classes from './Notes.module.css';
import type { LiveCoverage } from './useCoverage';

const room = { width: 220, height: 200 };
/** The server's steps: pixels of level 0 for one of the screen. */
const downsamples = [1, 2, 4, 8, 16];

export function CoverageMap({ coverage: { coverage } }: { coverage: LiveCoverage }) {
  const { t } = useTranslation();
  const { slide } = usePane();
  const native = nativeObjective(slide);
  const size = fit(slide, room);
  if (coverage === null) return null;
  const { columns, rows, cell_px } = coverage.grid;
  const cells = Array.from({ length: columns * rows }, (_, cell) => ({ cell, step: coverage.best(cell) })).filter(({ step }) => step !== null);
  return (
    <section className={classes.coverage} aria-label={t('notes.coverage')} data-testid="coverage">
      <div className={classes.coverageMap} style={size}>
        <Miniature slide={slide} />
        <svg viewBox={`0 0 ${slide.width} ${slide.height}`} preserveAspectRatio="none" aria-hidden="true">
          {cells.map(({ cell, step }) => (
            <rect key={cell} x={(cell % columns) * cell_px} y={Math.floor(cell / columns) * cell_px} width={cell_px} height={cell_px} data-step={step} />
          ))}
        </svg>
      </div>
      <ul className={classes.coverageList}>
        {downsamples.map((downsample, step) => (
          <li key={downsample} data-step={step}>
            <span className={classes.coverageKey} data-step={step} aria-hidden="true" />
            {native === null ? t('notes.coverageDownsample', { n: downsample }) : t('notes.coverageAt', { x: Number((native / downsample).toPrecision(2)) })}
            <b>{t('notes.percent', { n: Math.round(coverage.share(step) * 100) })}</b>
          </li>
        ))}
      </ul>
      <p className={classes.coverageOf}>{t('notes.coverageOf')}</p>
    </section>
  );
}
