/** A place that somebody has pointed at in a message, over the image. */
import { useTranslation } from 'react-i18next';
import { onScreen, type Affine } from './documents/affine';
import classes from './Images.module.css';
import type { ImageMark } from './seenImage';

const radius_px = 14;

export function MarkLayer({ mark, affine }: { mark: ImageMark; affine: Affine }) {
  const { t } = useTranslation();
  const [x, y] = onScreen(affine, [mark.x, mark.y]);
  return (
    <svg className={classes.mark} role="img" aria-label={t('viewing.mark', { label: mark.label })} data-testid="view-mark">
      <circle cx={x} cy={y} r={radius_px} />
      <path d={`M${x - radius_px * 1.6} ${y}h${radius_px}M${x + radius_px * 0.6} ${y}h${radius_px}M${x} ${y - radius_px * 1.6}v${radius_px}M${x} ${y + radius_px * 0.6}v${radius_px}`} />
      {mark.label !== '' && (
        <text x={x + radius_px * 1.8} y={y - radius_px * 0.4}>
          {mark.label}
        </text>
      )}
    </svg>
  );
}
