/** A quiet word that pages are not live at the moment; a line that breaks for a moment only is not worth one. */
import { useEffect, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './LiveSign.module.css';
import { lineState, subscribeLine } from './state';
import { useLiveLine } from './useLiveLine';

const patience_ms = 4_000;

export function LiveSign() {
  useLiveLine();
  const state = useSyncExternalStore(subscribeLine, lineState);
  return state === 'down' ? <Down /> : null;
}

function Down() {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), patience_ms);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <span className={classes.sign} role="status" title={t('live.downHint')}>
      {t('live.down')}
    </span>
  );
}
