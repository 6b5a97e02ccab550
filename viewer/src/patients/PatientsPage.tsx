/** People whom several hospitals know: who they are, pairs that somebody has to decide about, and what was decided. */
import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { hasRole, seesPatients, useMe } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';
import pane from '../ui/Pane.module.css';
import { DecisionsPane } from './DecisionsPane';
import { PeoplePane } from './PeoplePane';
import { QueuePane } from './QueuePane';

const tabs = ['people', 'queue', 'decisions'] as const;

export default function PatientsPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const decides = hasRole(me, 'archivist');
  const asked = tabs.find((one) => one === address.get('tab')) ?? 'people';
  const tab = decides ? asked : 'people';
  if (!seesPatients(me)) return <EmptyState title={t('problem.forbidden')} />;
  return (
    <>
      {decides && (
        <Tabs className={pane.bar} variant="pills" value={tab} onChange={(next) => setAddress({ tab: next ?? 'people' }, { replace: true })}>
          <Tabs.List aria-label={t('place.patients')}>
            {tabs.map((one) => (
              <Tabs.Tab key={one} value={one} className={pane.tab ?? ''}>
                {t(`patients.tab.${one}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
      )}
      <div className={pane.pane}>
        {tab === 'people' && <PeoplePane decides={decides} />}
        {tab === 'queue' && <QueuePane />}
        {tab === 'decisions' && <DecisionsPane />}
      </div>
    </>
  );
}
