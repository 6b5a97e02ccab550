/** A slide to look at, without a case around it. */
import { Button } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useNavigate, useParams } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { askAddress, correctionsAddress } from '../studies/addresses';
import { OhifButton } from '../studies/OhifButton';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageBar } from '../ui/PageBar';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { useKeys } from '../ui/useKeys';
import { openingFromSearch } from './link/address';
import { Calibrate } from './Calibrate';
import { SlideFacts } from './SlideFacts';
import SlideViewer from './SlideViewer';
import { useSlide } from './useSlides';

export default function SlidePage() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const me = useMe();
  const navigate = useNavigate();
  const slide = useSlide(id);
  const { search } = useLocation();
  const opening = useMemo(() => openingFromSearch(search), [search]);
  useKeys({ Escape: () => void navigate('/slides') });

  if (slide.isError) return <ErrorNotice error={slide.error} onRetry={() => void slide.refetch()} />;
  if (slide.data === undefined) return <PageSkeleton />;
  const own = slide.data.organisation.id === me.organisation.id;
  const ask = askAddress({ ...slide.data, slide_ids: [slide.data.id] });
  return (
    <>
      <PageBar
        actions={
          <>
            <OhifButton study={slide.data} mode="microscopy" />
            {hasRole(me, 'archivist') && own && (
              <Button variant="default" component={Link} to={correctionsAddress(slide.data)}>
                {t('corrections.correct')}
              </Button>
            )}
            {hasRole(me, 'requester') && own && (
              <Button component={Link} to={ask}>
                {t('worklist.ask')}
              </Button>
            )}
          </>
        }
      >
        <Patient patient={slide.data} />
        <SlideFacts slide={slide.data} />
        <Calibrate slide={slide.data} />
      </PageBar>
      <SlideViewer
        slide={slide.data}
        opening={opening}
        keepsAddress
        onOpen={(next) => void navigate(`/slides/${encodeURIComponent(next.id)}`)}
      />
    </>
  );
}
