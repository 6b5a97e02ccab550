/** The image viewer is large, so it is fetched only for those who look at images; early, where that is known early. */
import { lazy } from 'react';
import { withLaterWords } from '../../i18n';

const load = () => withLaterWords(import('./ImageViewer'));

export const ImageViewer = lazy(load);

/** Fetches the viewer while the study's own data is still on its way. */
export function fetchImageViewer(): void {
  void load();
}
