/** Lets a message name what a slide's active pane shows: the field of view, and the point in its middle. */
import { useEffect } from 'react';
import { linkTo } from '../slides/link/address';
import { usePane } from '../slides/stage/pane';
import { offerView } from './currentView';

export function ViewOffer() {
  const { stage, slide, look, isActive } = usePane();
  useEffect(() => {
    if (!isActive) return;
    return offerView(() => {
      const view = stage.target();
      if (view === null) return null;
      const mark = { on: 'slide' as const, slide: slide.id, x_px: Math.max(0, view.x), y_px: Math.max(0, view.y), label: '' };
      return { address: linkTo('', slide.id, view, look), mark };
    });
  }, [stage, slide.id, look, isActive]);
  return null;
}
