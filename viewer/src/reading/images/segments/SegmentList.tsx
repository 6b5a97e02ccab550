/** Segmentations beside the images: each segment with its colour, its name, a switch and how much it covers. */
import { useTranslation } from 'react-i18next';
import images from '../Images.module.css';
import type { Shown } from '../Viewport';
import { cssOf } from '../colours';
import { placingOn } from './onStack';
import type { Placing } from './placing';
import type { Segment, Segmentation } from './segmentation';
import classes from './Segments.module.css';
import type { Segmentations } from './useSegmentations';

interface Props {
  segmentations: Segmentations;
  /** Position of the study among those on the screen. */
  study: number;
  /** The active image and its stack, once they are there. */
  here: Shown | undefined;
}

export function SegmentList({ segmentations, study, here }: Props) {
  const { t } = useTranslation();
  const { all, unread, isShown, toggle } = segmentations;
  const isPlaced = (of: Segmentation) => here !== undefined && placingOn(here.stack, of).byImage.size > 0;
  const own = all.filter((one) => one.study === study).sort((a, b) => Number(isPlaced(b.of)) - Number(isPlaced(a.of)));
  if (own.length === 0 && unread === 0) return null;
  return (
    <section className={`${images.measures} ${classes.list}`} aria-label={t('images.segments.name')} data-testid="segments">
      <h3 className={images.studyName}>
        {t('images.segments.name')} {own.length}
      </h3>
      {own.length > 0 && (
        <button type="button" role="switch" aria-checked={isShown} className={classes.switch} title="O" onClick={toggle}>
          <span className={classes.swatch} data-on={isShown} />
          {t('images.segments.all')}
        </button>
      )}
      {own.map(({ of }) => (
        <OneSegmentation key={of.uid} segmentations={segmentations} of={of} here={here} />
      ))}
      {unread > 0 && <p className={images.measureKind}>{t('images.segments.unread', { n: unread })}</p>}
    </section>
  );
}

/** Images on which a segment lies, by their place in the stack. */
function imagesWith(here: Shown, placing: Placing, segment: number): number[] {
  return here.stack.imageIds.flatMap((id, at) =>
    (placing.byImage.get(id) ?? []).some(({ frame }) => frame.segment === null || frame.segment === segment) ? [at] : [],
  );
}

function OneSegmentation({ segmentations, of, here }: { segmentations: Segmentations; of: Segmentation; here: Shown | undefined }) {
  const { t } = useTranslation();
  const placing = here === undefined ? null : placingOn(here.stack, of);
  const isPlaced = placing !== null && placing.byImage.size > 0;
  const go = (segment: number) => {
    if (here === undefined || placing === null) return;
    const lies = imagesWith(here, placing, segment);
    const middle = lies[Math.floor(lies.length / 2)];
    if (middle !== undefined) here.view.goTo(middle);
  };
  return (
    <>
      <p className={classes.name}>{of.name}</p>
      {placing !== null && (
        <p className={images.measureKind} role="status" data-placed={placing.byImage.size}>
          {isPlaced && t('images.segments.on', { n: placing.byImage.size })}
          {placing.refusal !== null && ` ${t(`images.segments.refused.${placing.refusal}`)}`}
          {isPlaced && placing.left > 0 && ` (${placing.left})`}
        </p>
      )}
      {isPlaced && (
        <ul>
          {of.segments.map((segment) => (
            <OneSegment key={segment.number} segmentations={segmentations} of={of} segment={segment} onGo={() => go(segment.number)} />
          ))}
        </ul>
      )}
    </>
  );
}

interface SegmentProps {
  segmentations: Segmentations;
  of: Segmentation;
  segment: Segment;
  onGo: () => void;
}

function OneSegment({ segmentations: { look, change }, of, segment, onGo }: SegmentProps) {
  const { t } = useTranslation();
  const { isOn, opacity } = look(of, segment.number);
  const percent = Math.round(opacity * 100);
  return (
    <li className={classes.row}>
      <div className={classes.head}>
        <button
          type="button"
          role="switch"
          aria-checked={isOn}
          aria-label={t('images.segments.show', { name: segment.name })}
          className={classes.switch}
          onClick={() => change(of, segment.number, { isOn: !isOn })}
        >
          <span className={classes.swatch} data-on={isOn} style={{ color: cssOf(segment.colour) }} />
        </button>
        <button type="button" className={images.measure} title={t('images.segments.go')} onClick={onGo}>
          {segment.name}
          {segment.algorithm !== '' && <span className={images.measureKind}>{`${t(`images.segments.by.${by(segment.algorithm)}`)} ${segment.algorithmName}`}</span>}
        </button>
      </div>
      <input
        type="range"
        min={5}
        max={100}
        step={5}
        value={percent}
        disabled={!isOn}
        aria-label={t('images.segments.opacity', { name: segment.name })}
        title={t('images.segments.opacity', { name: segment.name })}
        onChange={(event) => change(of, segment.number, { opacity: Number(event.currentTarget.value) / 100 })}
        // The keys belong to the images again.
        onPointerUp={(event) => event.currentTarget.blur()}
      />
    </li>
  );
}

/** How a segment came about (0062,0008). */
function by(algorithm: string): 'automatic' | 'semiautomatic' | 'manual' {
  return algorithm === 'AUTOMATIC' ? 'automatic' : algorithm === 'SEMIAUTOMATIC' ? 'semiautomatic' : 'manual';
}
