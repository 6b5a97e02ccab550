/** Drawing over a slide, in its own pixels or in those of the screen. */
import { createContext, useContext, useLayoutEffect, useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import classes from './Layer.module.css';
import { usePane } from './pane';

interface LayerHomes {
  slide: SVGGElement | null;
  screen: SVGGElement | null;
}

const HomesContext = createContext<LayerHomes>({ slide: null, screen: null });

/** Holds the layers of one pane: what is in slide pixels turns, zooms and is mirrored with the slide, without rendering. */
export function Layers({ label, children }: { label: string; children: ReactNode }) {
  const { stage } = usePane();
  const [slide, setSlide] = useState<SVGGElement | null>(null);
  const [screen, setScreen] = useState<SVGGElement | null>(null);
  useLayoutEffect(() => {
    if (slide === null) return;
    const place = () => {
      const matrix = stage.matrix();
      if (matrix !== null) slide.setAttribute('transform', `matrix(${matrix.join(' ')})`);
    };
    place();
    return stage.subscribe(place);
  }, [stage, slide]);
  return (
    <>
      <svg className={classes.layers} aria-label={label} data-layers>
        <g ref={setSlide} />
        <g ref={setScreen} />
      </svg>
      <HomesContext.Provider value={{ slide, screen }}>{children}</HomesContext.Provider>
    </>
  );
}

/**
 * SVG over the slide. `space="slide"`: coordinates are pixels of level 0 (give strokes
 * `vectorEffect="non-scaling-stroke"`); `space="screen"`: CSS pixels of the stage. Nothing in it takes the pointer unless
 * its style says `pointer-events`.
 */
export function Layer({ space, children }: { space: 'slide' | 'screen'; children: ReactNode }) {
  const home = useContext(HomesContext)[space];
  return home === null ? null : createPortal(children, home);
}
