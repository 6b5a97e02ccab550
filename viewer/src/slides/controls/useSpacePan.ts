/** While the space bar is down, moving the mouse moves the slide: no button to be held down. */
import { useEffect } from 'react';
import type { SlideStage } from '../stage/SlideStage';

const busy = 'input, textarea, select, button, a, summary, [contenteditable="true"], [role="dialog"], [role="menu"]';

export function useSpacePan(stage: SlideStage, isActive: boolean): void {
  useEffect(() => {
    if (!isActive) return;
    let isDown = false;
    const set = (down: boolean) => {
      isDown = down;
      if (down) stage.element.setAttribute('data-space', '');
      else stage.element.removeAttribute('data-space');
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== ' ' || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.target instanceof Element && event.target.closest(busy) !== null) return;
      event.preventDefault();
      if (!event.repeat) set(true);
    };
    const onKeyUp = (event: KeyboardEvent) => {
      if (event.key === ' ') set(false);
    };
    const onMove = (event: PointerEvent) => {
      if (isDown && event.buttons === 0) stage.panBy({ x: -event.movementX, y: -event.movementY }, { immediately: true });
    };
    const release = () => set(false);
    // Before the library's own listener on its canvas, which takes every key.
    document.addEventListener('keydown', onKeyDown, { capture: true });
    document.addEventListener('keyup', onKeyUp, { capture: true });
    document.addEventListener('pointermove', onMove);
    window.addEventListener('blur', release);
    return () => {
      release();
      document.removeEventListener('keydown', onKeyDown, { capture: true });
      document.removeEventListener('keyup', onKeyUp, { capture: true });
      document.removeEventListener('pointermove', onMove);
      window.removeEventListener('blur', release);
    };
  }, [stage, isActive]);
}
