/** What the case is about: a study's images, or a slide. */
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import type { Consult, Slide } from '../api/types';
import { NoteConsultContext } from '../slides/notes/context';
import { useSlide } from '../slides/useSlides';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { asAskedAbout, evidenceOf, isInEvidence } from './evidence';
import type { KeyImageTies } from './images/ImageViewer';
import { fetchImageViewer, ImageViewer } from './images/lazy';
import { usePriors, useStudy } from './useStudy';

const SlideViewer = lazy(() => import('../slides/SlideViewer'));

interface Props {
  consult: Consult;
  onDisplayed: (sopInstanceUid: string) => void;
  keyImages: KeyImageTies;
}

export function CaseImages({ consult, onDisplayed, keyImages }: Props) {
  return (
    <Suspense fallback={<PageSkeleton />}>
      {consult.slide_id === null ? (
        <CaseStudies consult={consult} onDisplayed={onDisplayed} keyImages={keyImages} />
      ) : (
        <NoteConsultContext value={consult.id}>
          <CaseSlide key={consult.slide_id} consult={consult} first={consult.slide_id} onDisplayed={onDisplayed} />
        </NoteConsultContext>
      )}
    </Suspense>
  );
}

/** The slide that was asked about; others of its study lie on the tray beside it. */
function CaseSlide({ consult, first, onDisplayed }: Omit<Props, 'keyImages'> & { first: string }) {
  const [id, setId] = useState(first);
  const slide = useSlide(id);
  const evidence = useMemo(() => evidenceOf(consult), [consult]);
  const isAskedAbout = useCallback((one: Slide) => isInEvidence(one, evidence), [evidence]);
  if (slide.data !== undefined) {
    return <SlideViewer slide={slide.data} isAskedAbout={isAskedAbout} onOpen={(next) => setId(next.id)} onDisplayed={onDisplayed} />;
  }
  return slide.isError ? <ErrorNotice error={slide.error} onRetry={() => void slide.refetch()} /> : <PageSkeleton />;
}

/** The study of the question; its priors come after it, and hang beside it where there is something to compare. */
function CaseStudies({ consult, onDisplayed, keyImages }: Props) {
  const current = useStudy(consult.study.org, consult.study.study_instance_uid);
  const priors = usePriors(consult.priors);
  useEffect(fetchImageViewer, []);
  const { left_out_series: leftOut } = consult;
  const studies = useMemo(() => (current.data === undefined ? [] : [asAskedAbout(current.data, leftOut), ...priors]), [current.data, leftOut, priors]);
  if (studies.length > 0) return <ImageViewer key={consult.study.study_instance_uid} studies={studies} onDisplayed={onDisplayed} keyImages={keyImages} />;
  return current.isError ? <ErrorNotice error={current.error} onRetry={() => void current.refetch()} /> : <PageSkeleton />;
}
