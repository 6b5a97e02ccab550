/** A verdict in one line: green only when the whole signature holds, each part in plain words. */
import { useTranslation } from 'react-i18next';
import type { Verdict } from '../api/types';
import { detailOf, verdictParts } from './verdictParts';
import classes from './Verify.module.css';

export function VerdictLine({ verdict }: { verdict: Verdict }) {
  const { t, i18n } = useTranslation();
  return (
    <ul className={classes.line} aria-label={t('report.verdict')}>
      <li className={classes.whole} data-ok={verdict.ok}>
        {verdict.ok ? t('verdict.valid') : t('verdict.invalid')}
      </li>
      {verdictParts(verdict).map((part) => (
        <li key={part} className={classes.part} data-bad={verdict[part].result === 'bad' || undefined} title={detailOf(verdict[part], i18n.language)}>
          {t(`verdict.${part}.${verdict[part].result}`)}
        </li>
      ))}
    </ul>
  );
}
