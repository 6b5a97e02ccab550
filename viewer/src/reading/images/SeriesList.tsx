/** The series of the studies as thumbnails, the current study first; how much of each is in memory. */
import { useTranslation } from 'react-i18next';
import type { Series, StudyDetail } from '../../api/types';
import { dicomDate } from '../../ui/dicomText';
import { dragSeries } from './dragging';
import classes from './Images.module.css';
import type { Memory } from './memory';
import { SeriesThumbnail } from './SeriesThumbnail';

interface Props {
  studies: readonly StudyDetail[];
  /** Series Instance UIDs that are on the screen. */
  shown: ReadonlySet<string>;
  current: string | null;
  memory: Memory;
  /** Images of a series, once that is known; before, its instances. */
  total: (series: Series) => number;
  /** Thumbnails wait until the first image is on the screen. */
  showThumbnails: boolean;
  onChoose: (study: number, series: Series) => void;
}

export function SeriesList({ studies, shown, current, memory, total, showThumbnails, onChoose }: Props) {
  const { t } = useTranslation();
  return (
    <nav className={classes.series} aria-label={t('images.seriesList')}>
      {studies.map((study, index) => (
        <section key={study.study_instance_uid} className={classes.studyOf} aria-label={heading(study, index)}>
          {studies.length > 1 && <h3 className={classes.studyName}>{heading(study, index)}</h3>}
          {study.series.map((one) => (
            <button
              key={one.series_instance_uid}
              type="button"
              className={classes.thumb}
              aria-pressed={one.series_instance_uid === current}
              data-shown={shown.has(one.series_instance_uid)}
              data-left-out={one.left_out}
              draggable={one.is_image}
              onDragStart={(event) => dragSeries(event.dataTransfer, one.series_instance_uid)}
              onClick={() => onChoose(index, one)}
            >
              {showThumbnails ? (
                <SeriesThumbnail study={study} series={one} />
              ) : (
                <span className={classes.noThumb} />
              )}
              {one.is_image && <Progress here={memory.bySeries.get(one.series_instance_uid) ?? 0} total={total(one)} />}
              <span className={classes.thumbName}>{one.description || one.modality}</span>
              <span className={classes.thumbCount}>
                {one.modality} · {one.instance_count}
              </span>
              {one.left_out === true && <span className={classes.thumbCount}>{t('slide.tray.notAskedAbout')}</span>}
            </button>
          ))}
        </section>
      ))}
    </nav>
  );

  function heading(study: StudyDetail, index: number): string {
    return t(index === 0 ? 'reading.current' : 'reading.prior', { date: dicomDate(study.study_date) });
  }
}

/** A hairline under the picture, so that nothing moves. */
function Progress({ here, total }: { here: number; total: number }) {
  const { t } = useTranslation();
  const share = total === 0 ? 0 : Math.min(1, here / total);
  return (
    <span
      className={classes.progress}
      role="progressbar"
      aria-label={t('images.inMemory')}
      aria-valuenow={Math.min(here, total)}
      aria-valuemin={0}
      aria-valuemax={total}
    >
      <span style={{ width: `${share * 100}%` }} />
    </span>
  );
}
