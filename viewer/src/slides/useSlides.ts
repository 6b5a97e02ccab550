/** Slides as the server lists them. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { slides } from '../api/endpoints';
import type { Slide } from '../api/types';
import { keys } from '../api/queries';

export function useSlides() {
  return useQuery({ queryKey: keys.slides, queryFn: slides.list });
}

export function useSlide(id: string) {
  const client = useQueryClient();
  return useQuery({
    queryKey: keys.slide(id),
    queryFn: () => slides.get(id),
    staleTime: 60_000,
    // What the list said is enough to open it with: from one slide to the next nothing blinks.
    placeholderData: () => client.getQueryData<{ slides: Slide[] }>(keys.slides)?.slides.find((slide) => slide.id === id),
  });
}
