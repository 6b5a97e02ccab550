/** Who gets which case: who is on duty with what each has in hand, the centre's rules in their order, what they would do with a case. */
import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';
import pane from '../ui/Pane.module.css';
import { DutyPane } from './DutyPane';
import { RulesPane } from './RulesPane';

export default function AssignmentPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const tab = address.get('tab') === 'rules' ? 'rules' : 'duty';
  if (!hasRole(me, 'coordinator')) return <EmptyState title={t('problem.forbidden')} />;
  return (
    <>
      <Tabs className={pane.bar} variant="pills" value={tab} onChange={(value) => setAddress({ tab: value ?? 'duty' }, { replace: true })}>
        <Tabs.List aria-label={t('assignment.title')}>
          {(['duty', 'rules'] as const).map((one) => (
            <Tabs.Tab key={one} value={one} className={pane.tab ?? ''}>
              {t(`assignment.tab.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <div className={pane.pane}>{tab === 'rules' ? <RulesPane /> : <DutyPane />}</div>
    </>
  );
}
