/** Devices, the rules by which studies go on to others, and what waits to go: for administrator and coordinator. */
import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { RoutesPane } from '../deliveries/RoutesPane';
import { UndeliveredPane } from '../deliveries/UndeliveredPane';
import { EmptyState } from '../ui/EmptyState';
import pane from '../ui/Pane.module.css';
import { useKeys } from '../ui/useKeys';
import { DeviceTable } from './DeviceTable';
import { QueuePane } from './QueuePane';
import { RulesPane } from './RulesPane';

const tabs = ['devices', 'rules', 'queue', 'returns', 'undelivered'] as const;

export default function DevicesPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const choose = (next: string | null) => setAddress({ tab: next ?? 'devices' }, { replace: true });
  const mayChange = hasRole(me, 'administrator');
  const open = tabs.filter((name) => mayChange || name !== 'returns');
  const tab = open.find((known) => known === address.get('tab')) ?? 'devices';
  useKeys(Object.fromEntries(open.map((name, n) => [String(n + 1), () => choose(name)])));

  if (!mayChange && !hasRole(me, 'coordinator')) return <EmptyState title={t('problem.forbidden')} />;
  return (
    <>
      <div className={pane.bar}>
        <Tabs value={tab} onChange={choose} variant="pills">
          <Tabs.List aria-label={t('place.devices')}>
            {open.map((name) => (
              <Tabs.Tab key={name} value={name} className={pane.tab}>
                {t(`devices.tab.${name}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
      </div>
      <div className={pane.pane}>
        {tab === 'devices' && <DeviceTable />}
        {tab === 'rules' && <RulesPane mayChange={mayChange} />}
        {tab === 'queue' && <QueuePane mayRemove={mayChange} />}
        {tab === 'returns' && <RoutesPane />}
        {tab === 'undelivered' && <UndeliveredPane />}
      </div>
    </>
  );
}
