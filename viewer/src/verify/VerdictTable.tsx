/** A verdict, one line for each finding: what was found, and what it means. */
import { useTranslation } from 'react-i18next';
import type { Verdict } from '../api/types';
import { detailOf, verdictParts } from './verdictParts';
import classes from './Verify.module.css';

const marks = { good: '✓', bad: '✗', unknown: '?', not_present: '–' } as const;

export function VerdictTable({ verdict }: { verdict: Verdict }) {
  const { t, i18n } = useTranslation();
  return (
    <>
      <p className={classes.whole} data-ok={verdict.ok}>
        {verdict.ok ? t('verdict.valid') : t('verdict.invalid')}
      </p>
      <ul className={classes.table} aria-label={t('report.verdict')}>
        {verdictParts(verdict).map((part) => {
          const { result } = verdict[part];
          const found = t(`verdict.${part}.${result}`);
          const detail = detailOf(verdict[part], i18n.language);
          return (
            <li key={part} className={classes.row} data-result={result}>
              <span className={classes.mark} role="img" aria-label={t(`verdict.mark.${result}`)}>
                {marks[result]}
              </span>
              <span className={classes.name}>{t(`verdict.name.${part}`)}</span>
              <span>
                <span className={classes.found}>{found}</span>
                {detail !== '' && detail !== found && <span className={classes.detail}>{detail}</span>}
                <span className={classes.meaning}>{t(`verdict.meaning.${part}`)}</span>
              </span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
