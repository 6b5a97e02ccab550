/** Devices, the rules by which studies go on to others, and what waits to go: for administrator and coordinator. */
import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';
import pane from '../ui/Pane.module.css';
import { useKeys } from '../ui/useKeys';
import { DeviceTable } from './DeviceTable';
import { QueuePane } from './QueuePane';
import { RulesPane } from './RulesPane';

const tabs = ['devices', 'rules', 'queue'] as const;
type Tab = (typeof tabs)[number];

export default function DevicesPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const tab: Tab = tabs.find((known) => known === address.get('tab')) ?? 'devices';
  const choose = (next: string | null) => setAddress({ tab: next ?? 'devices' }, { replace: true });
  useKeys({ '1': () => choose('devices'), '2': () => choose('rules'), '3': () => choose('queue') });

  const mayChange = hasRole(me, 'administrator');
  if (!mayChange && !hasRole(me, 'coordinator')) return <EmptyState title={t('problem.forbidden')} />;
  return (
    <>
      <div className={pane.bar}>
        <Tabs value={tab} onChange={choose} variant="pills">
          <Tabs.List aria-label={t('place.devices')}>
            {tabs.map((name) => (
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
      </div>
    </>
  );
}
