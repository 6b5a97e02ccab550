/** Playing a multi-frame image, or any stack: as fast as it was acquired, slower or faster. */
import { useTranslation } from 'react-i18next';
import { useKeys } from '../../ui/useKeys';
import classes from './Images.module.css';

export interface Cine {
  playing: boolean;
  fps: number;
  /** Whether the image says how fast. */
  isStated: boolean;
}

interface Props {
  cine: Cine;
  onPlay: () => void;
  onSpeed: (factor: number) => void;
}

export function CineBar({ cine, onPlay, onSpeed }: Props) {
  const { t } = useTranslation();
  useKeys({
    Space: onPlay,
    ',': () => onSpeed(0.8),
    '.': () => onSpeed(1.25),
  });
  return (
    <span className={classes.cine} role="group" aria-label={t('images.cine.name')}>
      <button type="button" className={classes.tool} aria-pressed={cine.playing} title={t('images.cine.keys')} onClick={onPlay}>
        {t(cine.playing ? 'images.cine.stop' : 'images.cine.play')}
      </button>
      <span data-testid="fps" title={cine.isStated ? '' : t('images.cine.assumed')}>
        {t('images.cine.fps', { fps: cine.fps })}
        {!cine.isStated && ' ?'}
      </span>
    </span>
  );
}
