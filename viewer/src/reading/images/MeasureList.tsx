/** What has been measured, beside the images: each with its value; a click leads to its image. */
import { useTranslation } from 'react-i18next';
import { measurements as calls } from '../../api/measurements';
import type { StudyDetail } from '../../api/types';
import classes from './Images.module.css';
import { statsOf } from './measured';
import { measureLines, type Words } from './measureText';
import type { Listed, Saving } from './measurementSheets';

interface Props {
  study: StudyDetail;
  listed: readonly Listed[];
  saving: Saving;
  onGo: (one: Listed) => void;
  onRemove: (one: Listed) => void;
}

export function MeasureList({ study, listed, saving, onGo, onRemove }: Props) {
  const { t } = useTranslation();
  if (listed.length === 0) return null;
  const words: Words = (key, values) => t(`images.measured.${key}`, { value: '', ...values });
  const otherWidth = (one: Listed) => {
    const other = listed.find(({ id, kind, instance, own }) => kind === 'ratio' && id !== one.id && instance === one.instance && own === one.own);
    return other === undefined ? null : (statsOf(other).length ?? null);
  };
  const said = (one: Listed) => (one.kind === 'arrow' ? [one.text] : measureLines(one.kind, statsOf(one), words, one.kind === 'ratio' ? otherWidth(one) : null));
  const hasOwn = listed.some(({ own }) => own);
  return (
    <section className={classes.measures} aria-label={t('images.measures.name')}>
      <h3 className={classes.studyName}>
        {t('images.measures.name')} {listed.length}
      </h3>
      <ul>
        {listed.map((one) => (
          <li key={`${one.own}/${one.id}`} data-own={one.own}>
            <button type="button" className={classes.measure} onClick={() => onGo(one)}>
              <span className={classes.measureKind}>{t(`images.tool.${one.kind}`)}</span>
              {said(one).map((line) => (
                <span key={line}>{line}</span>
              ))}
              {!one.own && <span className={classes.measureKind}>{one.name}</span>}
            </button>
            {one.own && (
              <button type="button" className={classes.measureRemove} aria-label={t('images.measures.remove')} onClick={() => onRemove(one)}>
                ×
              </button>
            )}
          </li>
        ))}
      </ul>
      <p className={classes.measureKind} role="status" data-saving={saving}>
        {t(`images.measures.${saving}`)}
      </p>
      {hasOwn && saving === 'saved' && (
        <a className={classes.measureKind} href={calls.dicom(study.organisation.id, study.study_instance_uid)} download>
          {t('images.measures.dicom')}
        </a>
      )}
    </section>
  );
}
