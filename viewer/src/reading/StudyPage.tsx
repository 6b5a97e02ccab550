/** A study to look at, without a case around it. */
import { Button } from '@mantine/core';
import { Suspense, useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useNavigate, useParams } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { askAddress, correctionsAddress } from '../studies/addresses';
import { OhifButton } from '../studies/OhifButton';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageBar } from '../ui/PageBar';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { useExamText } from '../ui/useExamText';
import { useKeys } from '../ui/useKeys';
import { fetchImageViewer, ImageViewer } from './images/lazy';
import { seenFromSearch } from './images/seenImage';
import { useStudy } from './useStudy';

export default function StudyPage() {
  const { t } = useTranslation();
  const { org = '', uid = '' } = useParams();
  const { search } = useLocation();
  const me = useMe();
  const navigate = useNavigate();
  const examText = useExamText();
  const study = useStudy(org, uid);
  useEffect(fetchImageViewer, []);
  const studies = useMemo(() => (study.data === undefined ? [] : [study.data]), [study.data]);
  useKeys({ Escape: () => void navigate('/studies') });

  if (study.isError) return <ErrorNotice error={study.error} onRetry={() => void study.refetch()} />;
  if (study.data === undefined) return <PageSkeleton />;
  return (
    <>
      <PageBar
        actions={
          <>
            <OhifButton study={study.data} mode="viewer" />
            {hasRole(me, 'archivist') && study.data.own && (
              <Button variant="default" component={Link} to={correctionsAddress(study.data)}>
                {t('corrections.correct')}
              </Button>
            )}
            {hasRole(me, 'requester') && study.data.own && (
              <Button component={Link} to={askAddress(study.data)}>
                {t('worklist.ask')}
              </Button>
            )}
          </>
        }
      >
        <Patient patient={study.data} />
        <span>
          {examText(study.data)} {dicomDate(study.data.study_date)}
        </span>
        <span>{study.data.organisation.name}</span>
      </PageBar>
      <Suspense fallback={<PageSkeleton />}>
        <ImageViewer key={`${study.data.study_instance_uid}${search}`} studies={studies} opening={seenFromSearch(search)} />
      </Suspense>
    </>
  );
}
