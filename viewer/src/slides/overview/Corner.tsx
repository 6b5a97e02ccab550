/** Where on the slide one is, and the slide's label: bottom right. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { slides } from '../../api/endpoints';
import { useStored } from '../../ui/useStored';
import { usePane } from '../stage/pane';
import { Overview } from './Overview';
import classes from './Overview.module.css';

export function Corner() {
  const { t } = useTranslation();
  const { slide } = usePane();
  const [isOpen, setOpen] = useStored('slide.overview', true);
  const [labelShown, setLabelShown] = useStored('slide.label', false);
  return (
    <div className={classes.corner}>
      {isOpen && labelShown && slide.has_label && <Label key={slide.id} id={slide.id} />}
      <div className={classes.card}>
        {isOpen && <Overview />}
        <div className={classes.switches}>
          {isOpen && slide.has_label && (
            <button type="button" className={classes.switch} aria-expanded={labelShown} onClick={() => setLabelShown(!labelShown)}>
              {t('slide.label')}
            </button>
          )}
          <button type="button" className={classes.switch} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {t(isOpen ? 'slide.hideOverview' : 'slide.overview')}
          </button>
        </div>
      </div>
    </div>
  );
}

/** The label names the patient, so the server shows it only to those who may see it. */
function Label({ id }: { id: string }) {
  const { t } = useTranslation();
  const [isMissing, setMissing] = useState(false);
  if (isMissing) return null;
  return (
    <div className={classes.card}>
      <img className={classes.label} src={slides.associated(id, 'label')} alt={t('slide.label')} onError={() => setMissing(true)} />
    </div>
  );
}
