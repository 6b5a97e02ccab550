/** A series as a small picture. One without a picture of its own shows its modality. */
import { useState } from 'react';
import { studies } from '../../api/endpoints';
import type { Series, StudyDetail } from '../../api/types';
import classes from './Images.module.css';

export function SeriesThumbnail({ study, series }: { study: StudyDetail; series: Series }) {
  const [missing, setMissing] = useState(!series.is_image);
  if (missing) return <span className={classes.noThumb}>{series.modality}</span>;
  const address = `${studies.dicomweb(study.organisation.id, study.study_instance_uid)}/series/${series.series_instance_uid}/thumbnail`;
  return <img src={address} alt="" loading="lazy" draggable={false} onError={() => setMissing(true)} />;
}
