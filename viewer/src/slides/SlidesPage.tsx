/** The slides one may see, as pictures. */
import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Slide } from '../api/types';
import { readable } from '../ui/dicomText';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { gradeWord } from '../ui/GradeChip';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { markOpen } from '../ui/timing';
import { fit, Miniature } from './overview/Miniature';
import classes from './Slides.module.css';
import { useSlides } from './useSlides';

const picture = { width: 240, height: 160 };

export function SlidesPage() {
  const { t } = useTranslation();
  const found = useSlides();
  if (found.isPending) return <PageSkeleton />;
  if (found.isError) return <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data.slides.length === 0) return <EmptyState title={t('slide.empty')} hint={t('slide.emptyHint')} />;
  return (
    <ul className={classes.cards}>
      {found.data.slides.map((slide) => (
        <li key={slide.id}>
          <SlideCard slide={slide} />
        </li>
      ))}
    </ul>
  );
}

function SlideCard({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  return (
    <Link to={`/slides/${encodeURIComponent(slide.id)}`} className={classes.card} onClick={markOpen}>
      <span className={classes.cardImage}>
        <span className={classes.cardPicture} style={fit(slide, picture)}>
          <Miniature slide={slide} />
        </span>
      </span>
      <div className={classes.cardText}>
        <Patient patient={slide} />
        <Text size="sm">{readable(slide.description) || readable(slide.source)}</Text>
        <Text size="sm" c="dimmed">
          {slide.organisation.name} · {t(`grade.chip.${gradeWord(slide)}`)}
        </Text>
      </div>
    </Link>
  );
}
