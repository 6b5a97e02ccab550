/** Overlay planes beside the images: each with its name, a switch, and what there is to know of it. */
import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { cssOf } from '../colours';
import images from '../Images.module.css';
import segments from '../segments/Segments.module.css';
import { ink } from './bits';
import type { Laid } from './laid';
import type { OverlayPlane } from './plane';
import type { OverlayPlanes } from './useOverlayPlanes';
import { outcomeOf } from './useOverlaysOn';

interface Props {
  overlays: OverlayPlanes;
  /** On the image that is looked at. */
  laid: readonly Laid[];
  imageId: string;
  cell: string;
}

export function OverlayPlaneList({ overlays, laid, imageId, cell }: Props) {
  const { t } = useTranslation();
  const isShown = overlays.isShown(cell);
  return (
    <section className={`${images.measures} ${segments.list}`} aria-label={t('images.overlayPlanes.name')} data-testid="overlay-planes">
      <h3 className={images.studyName}>
        {t('images.overlayPlanes.name')} {laid.length}
      </h3>
      <button type="button" role="switch" aria-checked={isShown} className={segments.switch} onClick={() => overlays.toggle(cell)}>
        <span className={segments.swatch} data-on={isShown} />
        {t('images.overlayPlanes.all')}
      </button>
      <ul>
        {laid.map((one) => (
          <OnePlane key={`${one.of}/${one.plane.group}`} overlays={overlays} laid={one} imageId={imageId} cell={cell} />
        ))}
      </ul>
    </section>
  );
}

function OnePlane({ overlays, laid, imageId, cell }: Omit<Props, 'laid'> & { laid: Laid }) {
  const { t } = useTranslation();
  const facts = useFacts();
  useSyncExternalStore(overlays.bits.subscribe, () => overlays.bits.version);
  const { plane, of, isActive } = laid;
  const isOn = overlays.isOn(cell, laid);
  const name = plane.label || plane.description || t('images.overlayPlanes.plane', { n: (Number.parseInt(plane.group, 16) - 0x6000) / 2 + 1 });
  const outcome = outcomeOf(overlays.bits, laid, imageId);
  const isEmpty = typeof outcome !== 'string' && outcome.every((byte) => byte === 0);
  const said = [
    ...facts(plane),
    ...(of === 'state' ? [t('images.overlayPlanes.ofState')] : isActive ? [] : [t('images.overlayPlanes.inactive')]),
    ...(isEmpty ? [t('images.overlayPlanes.empty')] : []),
    // What was never asked for is not on its way.
    ...(typeof outcome === 'string' && outcome !== 'loading' ? [t(`images.overlayPlanes.not.${outcome}`)] : []),
  ];
  return (
    <li className={segments.row}>
      <button
        type="button"
        role="switch"
        aria-checked={isOn}
        aria-label={t('images.overlayPlanes.show', { name })}
        className={segments.switch}
        onClick={() => overlays.change(cell, laid, !isOn)}
      >
        <span className={segments.swatch} data-on={isOn} style={{ color: cssOf(ink) }} />
        {name}
      </button>
      <p className={images.measureKind}>{said.join(' · ')}</p>
    </li>
  );
}

/** What a plane says of itself. */
function useFacts(): (plane: OverlayPlane) => string[] {
  const { t } = useTranslation();
  return ({ kind, label, description, region: { area, mean, deviation } }) => [
    t(`images.overlayPlanes.kind.${kind}`),
    ...(label === '' || description === '' ? [] : [description]),
    ...(area === null ? [] : [t('images.overlayPlanes.area', { n: area })]),
    ...(mean === null ? [] : [t('images.overlayPlanes.mean', { value: mean })]),
    ...(deviation === null ? [] : [t('images.overlayPlanes.deviation', { value: deviation })]),
  ];
}
