/** Who and what the image is, in its four corners, and which way the patient lies. */
import { useTranslation } from 'react-i18next';
import type { Series, StudyDetail } from '../../api/types';
import { dicomDate, dicomTime } from '../../ui/dicomText';
import { usePatientText } from '../../ui/usePatientText';
import { hasOrientation, number, tags, type Instance } from './dicomJson';
import classes from './Images.module.css';
import type { ViewState } from './StackView';

interface Props {
  study: StudyDetail;
  series: Series | undefined;
  instance: Instance | undefined;
  view: ViewState;
}

export function Overlay({ study, series, instance, view }: Props) {
  const { t } = useTranslation();
  const { name, sex, age } = usePatientText()(study);
  const thickness = instance === undefined ? null : number(instance, tags.sliceThickness);
  const location = instance === undefined ? null : number(instance, tags.sliceLocation);
  const { orientation } = view;
  return (
    <>
      <div className={classes.corner} data-at="top-left">
        <strong>{name}</strong>
        <span>{[sex, age].filter((part) => part !== '').join(' ')}</span>
        <span>{study.patient_id}</span>
      </div>
      <div className={classes.corner} data-at="top-right">
        <span>{study.description}</span>
        <span>
          {dicomDate(study.study_date)} {dicomTime(study.study_time)}
        </span>
        <span>{study.organisation.name}</span>
      </div>
      <div className={classes.corner} data-at="bottom-left">
        <span>{[series?.number, series?.description].filter((part) => part !== null && part !== undefined && part !== '').join(' ')}</span>
        <span data-testid="slice">{t('images.slice', { index: view.index + 1, total: view.count })}</span>
        <span>
          {[
            thickness === null ? '' : t('images.thickness', { mm: thickness }),
            location === null ? '' : t('images.location', { mm: location.toFixed(1) }),
          ]
            .filter((part) => part !== '')
            .join(' · ')}
        </span>
      </div>
      <div className={classes.corner} data-at="bottom-right">
        {view.window !== null && (
          <span data-testid="window">{t('images.window', { w: view.window.width, l: view.window.center })}</span>
        )}
        <span>{t('images.zoom', { percent: Math.round(view.zoom * 100) })}</span>
      </div>
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
