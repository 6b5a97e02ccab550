/** What the case is about: a study's images, or a slide. */
import { SegmentedControl } from '@mantine/core';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Consult, ConsultStudy, Slide } from '../api/types';
import { NoteConsultContext } from '../slides/notes/context';
import { useSlide } from '../slides/useSlides';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { evidenceOf, isInEvidence } from './evidence';
import { fetchImageViewer, ImageViewer } from './images/lazy';
import classes from './Reading.module.css';
import { useStudy } from './useStudy';

const SlideViewer = lazy(() => import('../slides/SlideViewer'));

interface Props {
  consult: Consult;
  onDisplayed: (sopInstanceUid: string) => void;
}

export function CaseImages({ consult, onDisplayed }: Props) {
  return (
    <Suspense fallback={<PageSkeleton />}>
      {consult.slide_id === null ? (
        <CaseStudies consult={consult} onDisplayed={onDisplayed} />
      ) : (
        <NoteConsultContext value={consult.id}>
          <CaseSlide key={consult.slide_id} consult={consult} first={consult.slide_id} onDisplayed={onDisplayed} />
        </NoteConsultContext>
      )}
    </Suspense>
  );
}

/** The slide that was asked about; others of its study lie on the tray beside it. */
function CaseSlide({ consult, first, onDisplayed }: Props & { first: string }) {
  const [id, setId] = useState(first);
  const slide = useSlide(id);
  const evidence = useMemo(() => evidenceOf(consult), [consult]);
  const isAskedAbout = useCallback((one: Slide) => isInEvidence(one, evidence), [evidence]);
  if (slide.data !== undefined) {
    return <SlideViewer slide={slide.data} isAskedAbout={isAskedAbout} onOpen={(next) => setId(next.id)} onDisplayed={onDisplayed} />;
  }
  return slide.isError ? <ErrorNotice error={slide.error} onRetry={() => void slide.refetch()} /> : <PageSkeleton />;
}

/** The study of the question; its priors are one step away. */
function CaseStudies({ consult, onDisplayed }: Props) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(consult.study.study_instance_uid);
  const all = [consult.study, ...consult.priors];
  const study = all.find(({ study_instance_uid }) => study_instance_uid === shown) ?? consult.study;
  const images = <CaseStudy key={study.study_instance_uid} study={study} onDisplayed={onDisplayed} />;
  if (consult.priors.length === 0) return images;
  const name = (one: ConsultStudy) => t(one === consult.study ? 'reading.current' : 'reading.prior', { date: dicomDate(one.study_date) });
  return (
    <div className={classes.studies}>
      <SegmentedControl
        size="xs"
        aria-label={t('reading.studies')}
        data={all.map((one) => ({ value: one.study_instance_uid, label: name(one) }))}
        value={study.study_instance_uid}
        onChange={setShown}
      />
      {images}
    </div>
  );
}

function CaseStudy({ study, onDisplayed }: { study: ConsultStudy; onDisplayed: (sop: string) => void }) {
  const detail = useStudy(study.org, study.study_instance_uid);
  useEffect(fetchImageViewer, []);
  if (detail.data !== undefined) return <ImageViewer study={detail.data} onDisplayed={onDisplayed} />;
  return detail.isError ? <ErrorNotice error={detail.error} onRetry={() => void detail.refetch()} /> : <PageSkeleton />;
}
