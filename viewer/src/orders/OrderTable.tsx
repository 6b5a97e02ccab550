/** A day's orders. */
import { Button, Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Order } from '../api/types';
import { Chip } from '../ui/Chip';
import { dicomDate, dicomTime } from '../ui/dicomText';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { Patient } from '../ui/Patient';
import { useFormat } from '../ui/useFormat';

interface Props {
  orders: Order[];
  onCancel: ((order: Order) => void) | undefined;
}

export function OrderTable({ orders, onCancel }: Props) {
  const { t } = useTranslation();
  return (
    <PaneTable
      columns={[
        t('orders.column.time'),
        t('worklist.column.patient'),
        t('studies.column.id'),
        t('orders.column.procedure'),
        t('orders.column.accession'),
        t('orders.column.station'),
        t('worklist.column.state'),
        ...(onCancel !== undefined ? [''] : []),
      ]}
      tight
    >
      {orders.map((order) => (
        <Row key={order.id} order={order} onCancel={onCancel} />
      ))}
    </PaneTable>
  );
}

function Row({ order, onCancel }: { order: Order } & Pick<Props, 'onCancel'>) {
  const { t } = useTranslation();
  const format = useFormat();
  const { patient, step, procedure, accession_number } = order.order;
  const tone = order.state === 'arrived' ? 'done' : order.state === 'scheduled' ? 'active' : 'quiet';
  const priority = procedure?.priority ?? '';
  return (
    <Table.Tr>
      <Table.Td className={pane.fixed}>{dicomTime(step.start_time ?? '') || t('orders.anyTime')}</Table.Td>
      <Table.Td>
        <Patient patient={{ patient_name: patient.name, patient_sex: patient.sex }} />
        {patient.birth_date !== undefined && patient.birth_date !== '' && (
          <div className={pane.quiet}>{t('orders.born', { date: dicomDate(patient.birth_date) })}</div>
        )}
      </Table.Td>
      <Table.Td data-label={t('studies.column.id')}>{patient.id}</Table.Td>
      <Table.Td>
        {[step.modality, procedure?.description || step.description].filter((part) => part !== undefined && part !== '').join(' ')}{' '}
        {(priority === 'STAT' || priority === 'HIGH') && <Chip tone="alarm">{t(`orders.priority.${priority}`)}</Chip>}
        {procedure?.reason !== undefined && procedure.reason !== '' && <div className={pane.quiet}>{procedure.reason}</div>}
      </Table.Td>
      <Table.Td data-label={t('orders.column.accession')}>{accession_number}</Table.Td>
      <Table.Td data-label={t('orders.column.station')}>{step.station_ae_title ?? <span className={pane.quiet}>{t('orders.anyStation')}</span>}</Table.Td>
      <Table.Td>
        <Chip tone={tone}>{t(`orders.state.${order.state}`)}</Chip>
        {order.arrived_at !== null && <div className={pane.quiet}>{format.moment(order.arrived_at)}</div>}
      </Table.Td>
      {onCancel !== undefined && (
        <Table.Td>
          {order.state === 'scheduled' && (
            <Button size="compact-sm" variant="default" onClick={() => onCancel(order)}>
              {t('orders.cancel')}
            </Button>
          )}
        </Table.Td>
      )}
    </Table.Tr>
  );
}
