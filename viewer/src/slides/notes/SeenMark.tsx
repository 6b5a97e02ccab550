/** Whether somebody has opened a slide, and how much of it was on the screen at a magnification for reading. */
import { useTranslation } from 'react-i18next';
import type { Slide } from '../../api/types';
import { nativeObjective } from '../stage/magnification';
import classes from './Notes.module.css';
import { useSeen } from './useCoverage';

/** From here on tissue is read, not searched. */
const readingObjective = 5;

/** The step of coverage that counts as read: the smallest magnification of at least 5×, or a quarter where nobody knows. */
export function readingStep(slide: Pick<Slide, 'objective' | 'mpp_um'>, downsamples: readonly number[]): number {
  const native = nativeObjective(slide);
  if (native === null) return Math.min(2, downsamples.length - 1);
  const step = downsamples.findLastIndex((downsample) => native / downsample >= readingObjective);
  return Math.max(step, 0);
}

export function SeenMark({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  const { data } = useSeen(slide.id);
  if (data === undefined) return null;
  const step = data.steps[readingStep(slide, data.steps.map(({ downsample }) => downsample))];
  const isSeen = data.first_at !== null;
  return (
    <span className={classes.seen} data-testid="seen-mark" data-seen={isSeen || undefined}>
      {isSeen ? t('notes.seen', { n: Math.round((step?.share ?? 0) * 100) }) : t('notes.unseen')}
    </span>
  );
}
