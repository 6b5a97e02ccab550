/** Keeps the page's address at what is seen, so that reloading, bookmarking and copying the address bring it back. */
import { useEffect } from 'react';
import { usePane } from '../stage/pane';
import { toSearch } from './address';

/** Browsers refuse more than about a hundred changes in half a minute. */
const rest_ms = 400;

export function AddressKeeper() {
  const { stage, slide, look, isActive } = usePane();
  useEffect(() => {
    if (!isActive) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = () => {
      const view = stage.target();
      if (view === null) return;
      const path = `/slides/${encodeURIComponent(slide.id)}`;
      const address = `${path}?${toSearch(view, look).toString()}`;
      // While the next slide is on its way the address is that one's already.
      if (window.location.pathname !== path || window.location.pathname + window.location.search === address) return;
      // Not a step of its own in the history: going back leaves the slide.
      window.history.replaceState(window.history.state, '', address);
    };
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(write, rest_ms);
    };
    later();
    const stop = stage.subscribe(later);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [stage, slide.id, look, isActive]);
  return null;
}
