/** A slide as a small picture. */
import { slides } from '../../api/endpoints';
import type { Slide } from '../../api/types';
import { miniatureTiles } from './miniature';
import classes from './Overview.module.css';

const madeMax_px = 400;

/** Fills its box, which has the slide's proportions. */
export function Miniature({ slide }: { slide: Slide }) {
  const tiles = miniatureTiles(slide);
  if (tiles.length === 0) {
    const whole = slide.associated.includes('thumbnail')
      ? slides.associated(slide.id, 'thumbnail')
      : slides.picture(slide.id, madeMax_px, madeMax_px);
    return <img className={classes.whole} src={whole} alt="" loading="lazy" draggable={false} />;
  }
  return tiles.map(({ url, left, top, width, height }) => (
    <img
      key={url}
      className={classes.tile}
      src={url}
      alt=""
      loading="lazy"
      draggable={false}
      style={{ left: percent(left), top: percent(top), width: percent(width), height: percent(height) }}
    />
  ));
}

function percent(part: number): string {
  return `${part * 100}%`;
}

/** The largest box of a slide's proportions within some room, in CSS pixels. */
export function fit(slide: Slide, room: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.min(room.width / slide.width, room.height / slide.height);
  return { width: Math.max(1, Math.round(slide.width * scale)), height: Math.max(1, Math.round(slide.height * scale)) };
}
