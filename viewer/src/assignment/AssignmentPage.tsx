/** Who gets which case: the centre's rules in their order, what they would do with a case, and who is on duty. */
import { Tabs } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import pane from '../ui/Pane.module.css';
import { DutyPane } from './DutyPane';
import { RulesPane } from './RulesPane';

export default function AssignmentPage() {
  const { t } = useTranslation();
  const [tab, setTab] = useState<'rules' | 'duty'>('rules');
  return (
    <>
      <Tabs className={pane.bar} variant="pills" value={tab} onChange={(value) => setTab(value === 'duty' ? 'duty' : 'rules')}>
        <Tabs.List aria-label={t('assignment.title')}>
          {(['rules', 'duty'] as const).map((one) => (
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
