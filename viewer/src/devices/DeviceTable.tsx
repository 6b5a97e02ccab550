/** The application entities that this node knows: what they may do, from where, how they are reached, when they called last. */
import { Button, Group, Table, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { devices } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Device } from '../api/types';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { useFormat } from '../ui/useFormat';
import { useProblemText } from '../ui/useProblemText';

const refresh_ms = 15_000;

export function DeviceTable() {
  const { t } = useTranslation();
  const list = useQuery({ queryKey: keys.devices, queryFn: devices.list, refetchInterval: refresh_ms });
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const { devices: all, node_ae_title: node } = list.data;
  if (all.length === 0) return <EmptyState title={t('devices.empty')} hint={t('devices.emptyHint', { node })} />;
  return (
    <>
      <Text size="sm" c="dimmed" px="md" py="xs">
        {t('devices.node', { node })}
      </Text>
      <PaneTable
        columns={[
          t('devices.column.title'),
          t('devices.column.rights'),
          t('devices.column.from'),
          t('devices.column.contact'),
          t('devices.column.seen'),
          t('devices.column.echo'),
        ]}
      >
        {all.map((device) => (
          <Row key={device.ae_title} device={device} />
        ))}
      </PaneTable>
    </>
  );
}

function Row({ device }: { device: Device }) {
  const { t } = useTranslation();
  const format = useFormat();
  const separator = t('common.listSeparator');
  const { contact } = device;
  return (
    <Table.Tr>
      <Table.Td>
        <strong>{device.ae_title}</strong>
        {device.assumed_character_set !== null && (
          <div className={pane.quiet}>{t('devices.charset', { charset: device.assumed_character_set })}</div>
        )}
      </Table.Td>
      <Table.Td data-label={t('devices.column.rights')}>
        {device.rights.length === 0 ? (
          <span className={pane.quiet}>{t('devices.noRights')}</span>
        ) : (
          device.rights.map((right) => t(`devices.right.${right}`)).join(separator)
        )}
      </Table.Td>
      <Table.Td data-label={t('devices.column.from')}>
        {device.source_addresses.length === 0 ? (
          <span className={pane.quiet}>{t('devices.anywhere')}</span>
        ) : (
          device.source_addresses.join(separator)
        )}
        {device.certificate_sha256 !== null && (
          <div title={device.certificate_sha256}>
            <Chip tone="done">{t('devices.certificate', { start: device.certificate_sha256.slice(0, 8) })}</Chip>
          </div>
        )}
      </Table.Td>
      <Table.Td data-label={t('devices.column.contact')}>
        {contact === null ? (
          <span className={pane.quiet}>{t('devices.noContact')}</span>
        ) : (
          <Group gap="xs">
            <span>
              {contact.host}:{contact.port}
            </span>
            {contact.transport === 'tls' && <Chip tone="done">{t('devices.tls')}</Chip>}
          </Group>
        )}
      </Table.Td>
      <Table.Td className={pane.fixed} data-label={t('devices.column.seen')}>
        {device.last_seen_at === null ? (
          <span className={pane.quiet}>{t('devices.never')}</span>
        ) : (
          <>
            {format.moment(device.last_seen_at)}
            <div className={pane.quiet}>{device.last_seen_from}</div>
          </>
        )}
      </Table.Td>
      <Table.Td>{contact !== null && <Echo title={device.ae_title} />}</Table.Td>
    </Table.Tr>
  );
}

/** C-ECHO, and how it went. */
function Echo({ title }: { title: string }) {
  const { t } = useTranslation();
  const problemText = useProblemText();
  const echo = useMutation({ mutationFn: () => devices.echo(title) });
  const failure = echo.isError ? problemText(echo.error) : null;
  return (
    <Group gap="sm">
      <Button
        size="compact-sm"
        variant="default"
        loading={echo.isPending}
        onClick={() => echo.mutate()}
        aria-label={t('devices.echoOf', { title })}
      >
        {t('devices.echo')}
      </Button>
      <span role="status">
        {echo.isSuccess && t('devices.echoed', { ms: echo.data.took_ms })}
        {failure !== null && <span className={pane.fault}>{failure.detail === null ? failure.title : `${failure.title} (${failure.detail})`}</span>}
      </span>
    </Group>
  );
}
