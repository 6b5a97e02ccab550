/** Which series and slides of the study are part of the question: all of them, unless somebody opens the list and leaves some out. */
import { Button, Checkbox, Text } from '@mantine/core';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Series, Slide, StudyDetail } from '../api/types';
import { SeriesThumbnail } from '../reading/images/SeriesThumbnail';
import { useStudy } from '../reading/useStudy';
import { fit, Miniature } from '../slides/overview/Miniature';
import { slideName } from '../slides/tray/useCaseSlides';
import { useSlides } from '../slides/useSlides';
import { leavingOut, type AskDraft, type AskStudy } from './askDraft';
import classes from './SeriesChoice.module.css';

interface Props {
  study: AskStudy;
  /** Series Instance UIDs. */
  leftOut: readonly string[];
  onChange: (part: Pick<AskDraft, 'study' | 'left_out_series'>) => void;
}

export default function SeriesChoice({ study, leftOut, onChange }: Props) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const listId = useId();
  const detail = useStudy(study.org, study.study_instance_uid).data;
  if (detail === undefined || detail.series.length < 2) return null;
  const all = detail.series.length;
  const n = detail.series.filter((one) => !leftOut.includes(one.series_instance_uid)).length;
  return (
    <section aria-label={t('parts.title')}>
      <Button size="compact-sm" variant="subtle" className={classes.line ?? ''} aria-expanded={isOpen} aria-controls={listId} onClick={() => setOpen(!isOpen)}>
        {n === all ? t('parts.all', { n }) : t('parts.some', { n, all })} · {t(isOpen ? 'parts.close' : 'parts.choose')}
      </Button>
      <div id={listId} hidden={!isOpen}>
        {isOpen && <Parts detail={detail} study={study} leftOut={leftOut} onChange={onChange} />}
      </div>
    </section>
  );
}

function Parts({ detail, study, leftOut, onChange }: Props & { detail: StudyDetail }) {
  const { t } = useTranslation();
  const found = useSlides();
  // Without its slides known, it would not be known either which of them the question is about.
  if (detail.slide_ids.length > 0 && found.data === undefined) return null;
  const slides = detail.slide_ids.flatMap((id) => found.data?.slides.find((slide) => slide.id === id) ?? []);
  const isPart = (series: Series) => !leftOut.includes(series.series_instance_uid);
  const isLast = detail.series.filter(isPart).length === 1;
  const toggle = (series: Series) => {
    const uid = series.series_instance_uid;
    onChange(leavingOut(study, slides, isPart(series) ? [...leftOut, uid] : leftOut.filter((one) => one !== uid)));
  };
  return (
    <>
      <Text size="sm" c="dimmed">
        {t(isLast ? 'parts.last' : 'parts.hint')}
      </Text>
      <ul className={classes.parts}>
        {detail.series.map((series) => (
          <li key={series.series_instance_uid} data-left-out={!isPart(series)}>
            <Checkbox
              classNames={{ root: classes.part ?? '', body: classes.body ?? '', labelWrapper: classes.wrapper ?? '' }}
              checked={isPart(series)}
              disabled={isLast && isPart(series)}
              onChange={() => toggle(series)}
              label={<Part detail={detail} series={series} slide={slides.find(({ series_instance_uid: uid }) => uid === series.series_instance_uid)} />}
            />
          </li>
        ))}
      </ul>
    </>
  );
}

const picture = { width: 56, height: 56 };

function Part({ detail, series, slide }: { detail: StudyDetail; series: Series; slide: Slide | undefined }) {
  const { t } = useTranslation();
  const facts = [series.modality, series.number === null ? '' : `#${series.number}`, slide?.stain ?? '', slide === undefined ? t('parts.images', { n: series.instance_count }) : t('parts.slide')];
  return (
    <span className={classes.what}>
      <span className={classes.picture}>
        {slide === undefined ? (
          <SeriesThumbnail study={detail} series={series} />
        ) : (
          <span className={classes.slide} style={fit(slide, picture)}>
            <Miniature slide={slide} />
          </span>
        )}
      </span>
      <span className={classes.words}>
        <span>{(slide === undefined ? '' : slideName(slide)) || series.description || series.modality}</span>
        <span className={classes.facts}>{facts.filter((fact) => fact !== '').join(' · ')}</span>
      </span>
    </span>
  );
}
