/** The series of a study as thumbnails. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { studies } from '../../api/endpoints';
import type { Series } from '../../api/types';
import classes from './Images.module.css';

interface Props {
  org: string;
  studyUid: string;
  series: Series[];
  current: string | null;
  /** Thumbnails wait until the first image is on the screen. */
  showThumbnails: boolean;
  onChoose: (seriesUid: string) => void;
}

export function SeriesList({ org, studyUid, series, current, showThumbnails, onChoose }: Props) {
  const { t } = useTranslation();
  return (
    <nav className={classes.series} aria-label={t('images.seriesList')}>
      {series.map((one) => (
        <button
          key={one.series_instance_uid}
          type="button"
          className={classes.thumb}
          aria-pressed={one.series_instance_uid === current}
          disabled={!one.is_image}
          onClick={() => onChoose(one.series_instance_uid)}
        >
          {showThumbnails ? (
            <Thumbnail address={`${studies.dicomweb(org, studyUid)}/series/${one.series_instance_uid}/thumbnail`} series={one} />
          ) : (
            <span className={classes.noThumb} />
          )}
          <span className={classes.thumbName}>{one.description || one.modality}</span>
          <span className={classes.thumbCount}>
            {one.modality} · {one.instance_count}
          </span>
        </button>
      ))}
    </nav>
  );
}

/** A series without a picture of its own shows its modality. */
function Thumbnail({ address, series }: { address: string; series: Series }) {
  const [missing, setMissing] = useState(!series.is_image);
  if (missing) return <span className={classes.noThumb}>{series.modality}</span>;
  return <img src={address} alt="" loading="lazy" onError={() => setMissing(true)} />;
}
