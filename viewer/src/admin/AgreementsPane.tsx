/** Who may ask whom, for what, and how soon: the agreements of the organisations that are ours. */
import { Button, Group, Table } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { hasRole, useMe } from '../session/useMe';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneHead } from '../ui/PaneHead';
import { PaneTable } from '../ui/PaneTable';
import { useFormat } from '../ui/useFormat';
import { useTurnaround } from '../ui/useTurnaround';
import { AgreementDialog } from './AgreementDialog';
import { agreements, type Agreement, type Terms } from './api';

const sides = ({ requesting, reading }: Agreement) => ({ requesting: requesting.name, reading: reading.name });

type Open = { act: 'new' } | { act: 'change' | 'confirm' | 'decline' | 'end'; agreement: Agreement } | null;

export function AgreementsPane() {
  const { t } = useTranslation();
  const me = useMe();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.agreements, queryFn: agreements.list });
  const [open, setOpen] = useState<Open>(null);
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const refresh = () => cache.invalidateQueries({ queryKey: keys.agreements });
  const close = () => setOpen(null);
  const add = hasRole(me, 'administrator') && <Button onClick={() => setOpen({ act: 'new' })}>{t('agreements.add')}</Button>;
  return (
    <>
      {list.data.agreements.length === 0 ? (
        <EmptyState title={t('agreements.empty')} hint={t('agreements.emptyHint')}>
          {add}
        </EmptyState>
      ) : (
        <>
          <PaneHead hint={t('agreements.hint')}>{add}</PaneHead>
          <PaneTable
            columns={[
              t('agreements.sides'),
              t('agreements.covers'),
              t('agreements.turnarounds'),
              t('agreements.signatures'),
              t('agreements.validity'),
              '',
            ]}
          >
            {list.data.agreements.map((agreement) => (
              <Row key={agreement.id} agreement={agreement} onOpen={(act) => setOpen({ act, agreement })} />
            ))}
          </PaneTable>
        </>
      )}
      {open?.act === 'new' && <AgreementDialog agreement={null} onClose={close} />}
      {open?.act === 'change' && <AgreementDialog agreement={open.agreement} onClose={close} />}
      {open?.act === 'confirm' && (
        <ConfirmDialog
          title={t('agreements.confirmTitle')}
          consequences={[t('agreements.confirmText', sides(open.agreement))]}
          confirm={t('agreements.confirm')}
          size="lg"
          onConfirm={() => agreements.confirm(open.agreement).finally(refresh)}
          onClose={close}
        >
          <TermsSeen terms={open.agreement.proposed ?? open.agreement} />
        </ConfirmDialog>
      )}
      {open?.act === 'decline' && (
        <ConfirmDialog
          title={t('agreements.declineTitle')}
          consequences={[t('agreements.declineText')]}
          confirm={t('agreements.decline')}
          size="lg"
          onConfirm={() => agreements.decline(open.agreement.id).finally(refresh)}
          onClose={close}
        >
          {open.agreement.proposed !== null && <TermsSeen terms={open.agreement.proposed} />}
        </ConfirmDialog>
      )}
      {open?.act === 'end' && (
        <ConfirmDialog
          title={t('agreements.endTitle')}
          consequences={[t('agreements.endText', sides(open.agreement))]}
          confirm={t('agreements.end')}
          final
          onConfirm={() => agreements.end(open.agreement.id).finally(refresh)}
          onClose={close}
        />
      )}
    </>
  );
}

function Row({ agreement, onOpen }: { agreement: Agreement; onOpen: (act: 'change' | 'confirm' | 'decline' | 'end') => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const turnaround = useTurnaround();
  const separator = t('common.listSeparator');
  const { awaits, is_valid: isValid } = agreement;
  return (
    <Table.Tr>
      <Table.Td>
        <strong>{t('agreements.asks', sides(agreement))}</strong>
      </Table.Td>
      <Table.Td data-label={t('agreements.covers')}>
        {agreement.kinds.map((kind) => t(`kind.${kind}`)).join(separator)}
        <div className={pane.quiet}>{agreement.modalities.length === 0 ? t('agreements.allModalities') : agreement.modalities.join(' ')}</div>
      </Table.Td>
      <Table.Td data-label={t('agreements.turnarounds')}>
        {agreement.turnarounds.map(({ urgency, turnaround_min: minutes }) => (
          <div key={urgency}>{t('agreements.within', { urgency: t(`urgency.${urgency}`), time: turnaround(minutes) })}</div>
        ))}
      </Table.Td>
      <Table.Td data-label={t('agreements.signatures')}>
        {t(`agreements.signature.${agreement.signatures}`)}
        <div className={pane.quiet}>{t(agreement.auto_accept ? 'agreements.autoAccept' : 'agreements.coordinator')}</div>
        {(agreement.trust_anchors ?? []).map(({ sha256, subject }) => (
          <div key={sha256} className={pane.quiet}>
            {t('agreements.trusts', { subject })}
          </div>
        ))}
      </Table.Td>
      <Table.Td data-label={t('agreements.validity')}>
        <div className={pane.fixed}>{format.moment(agreement.valid_until)}</div>
        {awaits !== null && <Chip tone="active">{t('agreements.awaits', { org: awaits === agreement.reading.id ? agreement.reading.name : agreement.requesting.name })}</Chip>}
        {agreement.proposed !== null && <div className={pane.quiet}>{t('agreements.proposedHint')}</div>}
        {(awaits === null || agreement.proposed !== null) && <Chip tone={isValid ? 'done' : 'quiet'}>{t(isValid ? 'agreements.valid' : 'agreements.notValid')}</Chip>}
      </Table.Td>
      <Table.Td>
        <Group gap="xs" justify="flex-end">
          {agreement.may_confirm && (
            <Button size="compact-sm" onClick={() => onOpen('confirm')}>
              {t('agreements.confirm')}
            </Button>
          )}
          {agreement.may_change && agreement.proposed !== null && (
            <Button size="compact-sm" variant="default" onClick={() => onOpen('decline')}>
              {t('agreements.decline')}
            </Button>
          )}
          {agreement.may_change && (
            <Button size="compact-sm" variant="default" onClick={() => onOpen('change')}>
              {t('admin.change')}
            </Button>
          )}
          {agreement.may_change && isValid && (
            <Button size="compact-sm" variant="default" onClick={() => onOpen('end')}>
              {t('agreements.end')}
            </Button>
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

/** What is agreed to, in full: nobody agrees to what they have not seen. */
function TermsSeen({ terms }: { terms: Terms }) {
  const { t } = useTranslation();
  const format = useFormat();
  const turnaround = useTurnaround();
  const separator = t('common.listSeparator');
  const rows = [
    [t('agreements.kinds'), terms.kinds.map((kind) => t(`kind.${kind}`)).join(separator)],
    [t('studies.modality'), terms.modalities.length === 0 ? t('agreements.allModalities') : terms.modalities.join(' ')],
    [
      t('agreements.turnarounds'),
      terms.turnarounds
        .map(({ urgency, turnaround_min: minutes }) => t('agreements.within', { urgency: t(`urgency.${urgency}`), time: turnaround(minutes) }))
        .join(separator),
    ],
    [t('agreements.signatures'), t(`agreements.signature.${terms.signatures}`)],
    ...(terms.trust_anchors ?? []).map(({ sha256, subject }) => [t('agreements.anchors'), t('agreements.anchor', { subject, sha256 })]),
    [t('agreements.acceptance'), t(terms.auto_accept ? 'agreements.autoAccept' : 'agreements.coordinator')],
    [t('agreements.from'), format.moment(terms.valid_from)],
    [t('agreements.until'), format.moment(terms.valid_until)],
  ];
  return (
    <Table fz="sm" verticalSpacing={4}>
      <Table.Tbody>
        {rows.map(([what, value]) => (
          <Table.Tr key={`${what} ${value}`}>
            <Table.Th scope="row">{what}</Table.Th>
            <Table.Td>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
