/** The slide moves while the mouse rests near the edge: no button to be held down. */
import { useEffect } from 'react';
import type { SlideStage } from '../stage/SlideStage';
import { edgeSpeed } from './edge';
import { everyFrame } from './everyFrame';

/** On the slide itself, or on what is drawn over it: a tool's surface covers all of it. */
function isOver(stage: SlideStage, target: Element): boolean {
  return stage.element.contains(target) || (target.closest('[data-layers]') !== null && stage.element.parentElement?.contains(target) === true);
}

export function useEdgePan(stage: SlideStage, wanted: boolean): void {
  useEffect(() => {
    if (!wanted) return;
    let speed = { x: 0, y: 0 };
    let stop: (() => void) | null = null;
    const rest = () => {
      speed = { x: 0, y: 0 };
      stop?.();
      stop = null;
    };
    const onMove = (event: PointerEvent) => {
      // A button held down drags, and a control under the pointer is to be pressed.
      const overSlide = event.target instanceof Element && isOver(stage, event.target);
      if (event.pointerType !== 'mouse' || event.buttons !== 0 || !overSlide) {
        rest();
        return;
      }
      const box = stage.element.getBoundingClientRect();
      speed = edgeSpeed({ x: event.clientX - box.left, y: event.clientY - box.top }, stage.size);
      if (speed.x === 0 && speed.y === 0) rest();
      else stop ??= everyFrame((seconds) => stage.panBy({ x: speed.x * seconds, y: speed.y * seconds }, { immediately: true }));
    };
    document.addEventListener('pointermove', onMove);
    document.documentElement.addEventListener('pointerleave', rest);
    window.addEventListener('blur', rest);
    return () => {
      rest();
      document.removeEventListener('pointermove', onMove);
      document.documentElement.removeEventListener('pointerleave', rest);
      window.removeEventListener('blur', rest);
    };
  }, [stage, wanted]);
}
