/** Who and what the image is, in its four corners, which way the patient lies, and how large things are. */
import { useTranslation } from 'react-i18next';
import type { Series, StudyDetail } from '../../api/types';
import { dicomDate, dicomTime } from '../../ui/dicomText';
import { usePatientText } from '../../ui/usePatientText';
import { hasOrientation, isTurnedUpright, number, tags, text, type Instance } from './dicomJson';
import classes from './Images.module.css';
import { ruler, type Spacing } from './spacing';
import type { ViewState } from './StackView';
import { useTechnique } from './useTechnique';

export type LeftOut = 'bitmap' | 'trueSize' | 'area' | 'graphics' | 'lut' | 'ownLut' | 'lutOnCpu' | 'colour' | 'overlay';

interface Props {
  study: StudyDetail;
  isPrior: boolean;
  series: Series | undefined;
  instance: Instance | undefined;
  spacing: Spacing | undefined;
  view: ViewState;
  /** The label of the presentation state that was applied. */
  presented: string | null;
  /** The label of a presentation state of which only the drawing is shown. */
  drawnFrom: string | null;
  /** The label of a state that has nothing to draw, and is not applied. */
  notApplied: string | null;
  /** What the state asks for and is not done. */
  leftOut: readonly LeftOut[];
  /** Labels of further states with drawings on this image. */
  otherDrawings: readonly string[];
  /** States of the study that could not be read, or are shown on no image. */
  unread: number;
  /** Instances of the series that are no images. */
  others: number;
  /** Segments on this image could not be fetched. */
  lacksSegments: boolean;
  /** Overlay planes of this image could not be fetched. */
  lacksOverlays: boolean;
}

const rulerPxMax = 160;
const filled = (parts: readonly (string | number | null | undefined)[]) => parts.filter((part) => part !== null && part !== undefined && part !== '');

export function Overlay({ study, isPrior, series, instance, spacing, view, presented, drawnFrom, notApplied, leftOut, otherDrawings, unread, others, lacksSegments, lacksOverlays }: Props) {
  const { t } = useTranslation();
  const { name, sex, age } = usePatientText()(study);
  const technique = useTechnique()(instance);
  const thickness = instance === undefined ? null : number(instance, tags.sliceThickness);
  const location = instance === undefined ? null : number(instance, tags.sliceLocation);
  const lossy = instance !== undefined && text(instance, '00282110') === '01';
  const ratio = instance === undefined ? null : number(instance, '00282112');
  const { orientation } = view;
  return (
    <>
      <div className={classes.corner} data-at="top-left">
        <strong>{name}</strong>
        <span>{filled([sex, age]).join(' ')}</span>
        <span>{study.patient_id}</span>
        {isPrior && <span className={classes.prior}>{t('images.prior')}</span>}
      </div>
      <div className={classes.corner} data-at="top-right">
        <span>{study.description}</span>
        <span>
          {dicomDate(study.study_date)} {dicomTime(study.study_time)}
        </span>
        <span>{study.organisation.name}</span>
      </div>
      <div className={classes.corner} data-at="bottom-left">
        <span>{filled([series?.number, series?.description]).join(' ')}</span>
        {technique !== '' && <span data-testid="technique">{technique}</span>}
        <span data-testid="slice">{t('images.slice', { index: view.index + 1, total: view.count })}</span>
        <span>
          {filled([
            thickness === null ? '' : t('images.thickness', { mm: thickness }),
            location === null ? '' : t('images.location', { mm: location.toFixed(1) }),
          ]).join(' · ')}
        </span>
      </div>
      <div className={classes.corner} data-at="bottom-right">
        {presented !== null && <span className={classes.caution}>{t('images.presented', { label: presented })}</span>}
        {drawnFrom !== null && <span className={classes.caution}>{t('images.drawnFrom', { label: drawnFrom })}</span>}
        {notApplied !== null && <span className={classes.caution}>{t('viewing.notApplied', { label: notApplied })}</span>}
        {leftOut.map((what) => (
          <span key={what} className={classes.caution}>
            {t(`viewing.leftOut.${what}`)}
          </span>
        ))}
        {otherDrawings.length > 0 && <span className={classes.caution}>{t('viewing.otherDrawings', { labels: otherDrawings.join(', '), n: otherDrawings.length })}</span>}
        {unread > 0 && <span className={classes.caution}>{t('viewing.unreadStates', { n: unread })}</span>}
        {others > 0 && <span className={classes.caution}>{t('viewing.others', { n: others })}</span>}
        {lacksSegments && <span className={classes.caution}>{t('images.segments.missing')}</span>}
        {lacksOverlays && <span className={classes.caution}>{t('images.overlayPlanes.missing')}</span>}
        {instance !== undefined && isTurnedUpright(instance) && <span className={classes.caution}>{t('photograph.turned')}</span>}
        {lossy && <span className={classes.caution}>{t(ratio === null ? 'images.lossy' : 'images.lossyBy', { ratio: ratio?.toFixed(0) })}</span>}
        {spacing !== undefined && spacing.basis !== 'patient' && (
          <span className={classes.caution} data-testid="spacing">
            {t(`images.spacing.${spacing.basis}`, { factor: spacing.factor ?? '' })}
          </span>
        )}
        {view.window !== null && (
          <span data-testid="window">{t('images.window', { w: view.window.width, l: view.window.center })}</span>
        )}
        {view.table !== null && <span data-testid="window">{t('images.lut', { label: view.table.label })}</span>}
        <span>{t('images.zoom', { percent: Math.round(view.zoom * 100) })}</span>
      </div>
      {spacing !== undefined && spacing.mm !== null && <Ruler pxPerMm={view.pxPerUnit} />}
      {orientation !== null &&
        instance !== undefined &&
        hasOrientation(instance) &&
        (['top', 'left', 'right', 'bottom'] as const).map((side) => (
          <span key={side} className={classes.side} data-at={side}>
            {orientation[side]}
          </span>
        ))}
    </>
  );
}

function Ruler({ pxPerMm }: { pxPerMm: number }) {
  const { t } = useTranslation();
  const made = ruler(pxPerMm, rulerPxMax);
  if (made === null) return null;
  const length = made.mm >= 10 ? t('images.rulerCm', { cm: made.mm / 10 }) : t('images.rulerMm', { mm: Number(made.mm.toPrecision(1)) });
  return (
    <div className={classes.ruler} style={{ width: made.px }} data-testid="ruler">
      {length}
    </div>
  );
}
