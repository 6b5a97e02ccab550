/** The slides that lie on one tray: those of the same study, in the order of their names. */
import type { Slide } from '../../api/types';
import { useSlides } from '../useSlides';

/** Natural order, so that 2 comes before 10. */
const byName = new Intl.Collator(undefined, { numeric: true });

export function useCaseSlides(slide: Slide): Slide[] {
  const all = useSlides().data?.slides ?? [];
  const together = all.filter(
    (one) => one.organisation.id === slide.organisation.id && one.study_instance_uid === slide.study_instance_uid,
  );
  if (!together.some(({ id }) => id === slide.id)) return [slide];
  return together.sort((a, b) => byName.compare(a.source, b.source));
}

/** A slide's own name: what the scanner's file was called, without its ending. */
export function slideName(slide: Pick<Slide, 'source' | 'description'>): string {
  return slide.source.replace(/\.[a-z0-9]{2,5}$/i, '') || slide.description;
}
