/** Where the organisation wants the reports that it asks for. For its administrator. */
import { Alert, Button, Code, Group, Table } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { OurOrganisation } from '../admin/OurOrganisation';
import { useOurs } from '../admin/useOurs';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneHead } from '../ui/PaneHead';
import { PaneTable } from '../ui/PaneTable';
import { useKeys } from '../ui/useKeys';
import { deliveries, type ReturnRoute } from './api';
import { RouteDialog } from './RouteDialog';

type Open = { what: 'new' } | { what: 'change' | 'remove'; route: ReturnRoute } | null;

export function RoutesPane() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const { ours, chosen, choose } = useOurs();
  const list = useQuery({ queryKey: [...keys.returnRoutes, chosen], queryFn: () => deliveries.routes(chosen) });
  const [open, setOpen] = useState<Open>(null);
  const [saved, setSaved] = useState<ReturnRoute | null>(null);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.returnRoutes });
  useKeys({ n: () => setOpen({ what: 'new' }) }, open === null);

  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const { routes } = list.data;
  const add = <Button onClick={() => setOpen({ what: 'new' })}>{t('route.add')}</Button>;
  return (
    <>
      {saved?.secret != null && (
        <Alert m="md" color="teal" variant="outline" withCloseButton onClose={() => setSaved(null)} title={t('route.secretTitle')}>
          <Code block>{saved.secret}</Code>
          {t('route.secretHint')}
        </Alert>
      )}
      {ours.length > 1 && (
        <Group px="md" pt="xs">
          <OurOrganisation ours={ours} chosen={chosen} onChoose={choose} />
        </Group>
      )}
      {routes.length === 0 ? (
        <EmptyState title={t('route.empty')} hint={t('route.emptyHint')}>
          {add}
        </EmptyState>
      ) : (
        <>
          <PaneHead hint={t('route.hint')}>{add}</PaneHead>
          <PaneTable columns={[t('route.name'), t('route.method'), t('route.where'), t('route.forms'), '']}>
            {routes.map((route) => (
              <Table.Tr key={route.id}>
                <Table.Td>
                  <strong>{route.name}</strong>
                </Table.Td>
                <Table.Td>{t(`delivery.method.${route.method}`)}</Table.Td>
                <Table.Td>
                  {route.ae_title ?? route.url}
                  {route.has_token && <div className={pane.quiet}>{t('route.hasToken')}</div>}
                </Table.Td>
                <Table.Td>{route.forms.map((form) => t(`delivery.form.${form}`)).join(t('common.listSeparator'))}</Table.Td>
                <Table.Td>
                  <Group gap="xs" justify="flex-end" wrap="nowrap">
                    <Button size="compact-sm" variant="default" onClick={() => setOpen({ what: 'change', route })}>
                      {t('rules.change')}
                    </Button>
                    <Button size="compact-sm" variant="default" onClick={() => setOpen({ what: 'remove', route })}>
                      {t('rules.remove')}
                    </Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </PaneTable>
        </>
      )}
      {(open?.what === 'new' || open?.what === 'change') && (
        <RouteDialog
          organisation={chosen}
          route={open.what === 'change' ? open.route : null}
          taken={routes.map(({ id }) => id)}
          onClose={() => setOpen(null)}
          onSaved={(route) => {
            setSaved(route);
            return refresh();
          }}
        />
      )}
      {open?.what === 'remove' && (
        <ConfirmDialog
          title={t('route.removeTitle', { name: open.route.name })}
          consequences={[t('route.removeText')]}
          confirm={t('rules.remove')}
          final
          onConfirm={() => deliveries.removeRoute(chosen, open.route.id).finally(refresh)}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}
