/** One delivery: where to, what, where it stands, why not, and the button that sends it again. */
import { Button, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Chip } from '../ui/Chip';
import { useFormat } from '../ui/useFormat';
import type { Delivery } from './api';
import classes from './Deliveries.module.css';

interface Props {
  delivery: Delivery;
  /** What stands first, where the list is not about one case. */
  title?: React.ReactNode;
  sending: boolean;
  onSend: (() => void) | null;
}

const tones = { waiting: 'quiet', sending: 'active', delivered: 'done', failed: 'alarm' } as const;

export function DeliveryLine({ delivery, title, sending, onSend }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const { state, problem, status } = delivery;
  const isWaitingAgain = state === 'waiting' && problem !== null;
  return (
    <li className={classes.line} data-state={state}>
      <div className={classes.what}>
        <div>
          {title}
          <strong>{delivery.route_name}</strong>{' '}
          <span className={classes.quiet}>
            {t(`delivery.method.${delivery.method}`)} · {t('delivery.version', { n: delivery.version })} ·{' '}
            {delivery.forms.length === 0
              ? t('delivery.nothing')
              : delivery.forms.map((form) => t(`delivery.form.${form}`)).join(t('common.listSeparator'))}
          </span>
        </div>
        {problem !== null && (
          <Text size="sm" className={state === 'failed' ? classes.fault : classes.quiet}>
            {t(`delivery.problem.${problem}`)}
            {status !== '' && t('delivery.status', { status })}
          </Text>
        )}
        <div className={classes.quiet}>
          {state === 'delivered' && delivery.delivered_at !== null && t('delivery.deliveredAt', { at: format.moment(delivery.delivered_at) })}
          {isWaitingAgain && delivery.next_at !== null && t('delivery.nextAt', { n: delivery.attempts, at: format.moment(delivery.next_at) })}
          {state === 'failed' && delivery.tried_at !== null && t('delivery.triedAt', { n: delivery.attempts, at: format.moment(delivery.tried_at) })}
        </div>
      </div>
      <Chip tone={tones[state]}>{t(`delivery.state.${state}`)}</Chip>
      {onSend !== null && state !== 'sending' && (
        <Button
          size="compact-sm"
          variant="default"
          loading={sending}
          onClick={onSend}
          aria-label={t('delivery.sendLabel', { name: delivery.route_name, n: delivery.version })}
        >
          {t(state === 'waiting' ? 'delivery.sendNow' : 'delivery.sendAgain')}
        </Button>
      )}
    </li>
  );
}
