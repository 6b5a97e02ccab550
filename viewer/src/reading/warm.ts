/** Readers open images many times a day: the viewer is fetched and started while they still look at the list. */
import { withLaterWords } from '../i18n';
import { fetchImageViewer } from './images/lazy';

let warmed = false;

export function warmImages(): void {
  if (warmed) return;
  warmed = true;
  const start = () => {
    void withLaterWords(import('../consult/CasePage'));
    void withLaterWords(import('./ReadingPage'));
    fetchImageViewer();
    void import('./images/engine').then(({ imageEngine }) => imageEngine());
  };
  if ('requestIdleCallback' in window) window.requestIdleCallback(start, { timeout: 2_000 });
  else setTimeout(start, 500);
}
