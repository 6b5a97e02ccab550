/** The case's slides, left: which there are, which is open. */
import { useTranslation } from 'react-i18next';
import type { Slide } from '../../api/types';
import { SeenMark } from '../notes/SeenMark';
import { fit, Miniature } from '../overview/Miniature';
import { nativeObjective } from '../stage/magnification';
import classes from './Tray.module.css';
import { slideName } from './useCaseSlides';

interface Props {
  slides: readonly Slide[];
  /** Ids of what is on the screen: the first pane's, then the second's. */
  shown: readonly string[];
  /** The one that another choice would replace. */
  active: string;
  isAskedAbout: (slide: Slide) => boolean;
  onOpen: (slide: Slide) => void;
}

const picture = { width: 112, height: 84 };

export function Tray({ slides, shown, active, isAskedAbout, onOpen }: Props) {
  const { t } = useTranslation();
  return (
    <nav className={classes.tray} aria-label={t('slide.tray.title')} data-region>
      <div className={classes.count}>{t('slide.tray.count', { n: slides.length })}</div>
      <ul className={classes.list}>
        {slides.map((slide) => (
          <li key={slide.id}>
            <button
              type="button"
              className={classes.item}
              aria-current={slide.id === active || undefined}
              data-shown={shown.includes(slide.id) || undefined}
              onClick={() => onOpen(slide)}
            >
              <span className={classes.picture} style={fit(slide, picture)}>
                <Miniature slide={slide} />
              </span>
              <span className={classes.name}>{slideName(slide)}</span>
              <span className={classes.facts}>{facts(slide, t)}</span>
              {!isAskedAbout(slide) && <span className={classes.beside}>{t('slide.tray.notAskedAbout')}</span>}
              <SeenMark slide={slide} />
              {shown.length > 1 && shown.includes(slide.id) && <span className={classes.side}>{t(`slide.tray.side.${shown.indexOf(slide.id) === 0 ? 'left' : 'right'}`)}</span>}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function facts(slide: Slide, t: (key: 'slide.objective', values: { x: number }) => string): string {
  const objective = nativeObjective(slide);
  return objective === null ? '' : t('slide.objective', { x: objective });
}
