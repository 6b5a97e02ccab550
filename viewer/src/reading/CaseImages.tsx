/** What the case is about: a study's images, or a slide. */
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import type { Consult, ConsultStudy, Slide } from '../api/types';
import { NoteConsultContext } from '../slides/notes/context';
import { useSlide } from '../slides/useSlides';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { evidenceOf, isInEvidence } from './evidence';
import { fetchImageViewer, ImageViewer } from './images/lazy';
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
        <CaseStudy study={consult.study} onDisplayed={onDisplayed} />
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

function CaseStudy({ study, onDisplayed }: { study: ConsultStudy; onDisplayed: (sop: string) => void }) {
  const detail = useStudy(study.org, study.study_instance_uid);
  useEffect(fetchImageViewer, []);
  if (detail.data !== undefined) return <ImageViewer study={detail.data} onDisplayed={onDisplayed} />;
  return detail.isError ? <ErrorNotice error={detail.error} onRetry={() => void detail.refetch()} /> : <PageSkeleton />;
}
