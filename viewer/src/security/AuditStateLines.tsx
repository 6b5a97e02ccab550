/** How the audit chain stands: its end, what was signed and walked, where events are sent, how long they are kept. */
import { useTranslation } from 'react-i18next';
import { useFormat } from '../ui/useFormat';
import type { AuditState } from './api';
import classes from './AuditState.module.css';

export function AuditStateLines({ state }: { state: AuditState }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { head, verified, sending } = state;
  const seq = (n: number) => format.number(n);
  return (
    <dl className={classes.lines}>
      <div>
        <dt>{t('chain.end')}</dt>
        <dd title={state.last_hash}>
          {t('chain.event', { n: seq(state.last_seq) })} <code>{state.last_hash.slice(0, 12)}</code>
        </dd>
      </div>
      <div>
        <dt>{t('chain.head')}</dt>
        <dd title={head?.hash}>
          {head === null ? <em>{t('chain.noHead')}</em> : t('chain.headAt', { n: seq(head.seq), at: format.moment(head.at) })}
        </dd>
      </div>
      <div>
        <dt>{t('chain.verified')}</dt>
        <dd>
          {state.is_verifying ? t('chain.verifying') : <Verified verified={verified} />}
        </dd>
      </div>
      <div>
        <dt>{t('chain.sending')}</dt>
        <dd>
          {sending === null && t('chain.notSent')}
          {sending !== null && (
            <>
              {t(sending.lag === 0 ? 'chain.sent' : 'chain.lag', { to: sending.to, n: seq(sending.lag), at: format.moment(sending.at) })}
              {sending.error !== null && <em> {sending.error}</em>}
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>{t('chain.kept')}</dt>
        <dd>{t('chain.keptAll', { n: state.kept_days_min })}</dd>
      </div>
    </dl>
  );
}

function Verified({ verified }: { verified: AuditState['verified'] }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (verified === null) return t('chain.never');
  const at = format.moment(verified.at);
  const { fault } = verified;
  if (fault === null) return t('chain.whole', { at, n: format.number(verified.events), signed: format.number(verified.anchored_seq) });
  const known = (['event', 'head', 'heads_file'] as const).find((what) => what === fault.what) ?? 'event';
  return (
    <em title={fault.why}>
      {t(`chain.fault.${known}`, { at, n: format.number(fault.number) })}
    </em>
  );
}
