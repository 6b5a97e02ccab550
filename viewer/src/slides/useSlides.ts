/** Slides as the server lists them. */
import { useQuery } from '@tanstack/react-query';
import { slides } from '../api/endpoints';
import { keys } from '../api/queries';

export function useSlides() {
  return useQuery({ queryKey: keys.slides, queryFn: slides.list });
}

export function useSlide(id: string) {
  return useQuery({ queryKey: keys.slide(id), queryFn: () => slides.get(id), staleTime: 60_000 });
}
