/** Organisations, people, agreements, tokens: for administrator, security officer and, to look on, the regulator. */
import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { administers, hasRole, useMe } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';
import pane from '../ui/Pane.module.css';
import { AgreementsPane } from './AgreementsPane';
import { OrganisationsPane } from './OrganisationsPane';
import { PeoplePane } from './PeoplePane';
import { StorePane } from './StorePane';
import { TokensPane } from './TokensPane';

const tabs = ['people', 'organisations', 'agreements', 'tokens', 'store'] as const;
type Tab = (typeof tabs)[number];

export default function AdminPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  if (!administers(me)) return <EmptyState title={t('problem.forbidden')} />;
  const isFor: Record<Tab, boolean> = {
    people: hasRole(me, 'administrator', 'security_officer'),
    organisations: true,
    agreements: true,
    tokens: hasRole(me, 'security_officer'),
    store: hasRole(me, 'administrator'),
  };
  const open = tabs.filter((tab) => isFor[tab]);
  const tab = open.find((known) => known === address.get('tab')) ?? open[0];
  // Whose people and tokens are shown stays chosen.
  const choose = (next: string | null) => {
    const to = new URLSearchParams(address);
    to.set('tab', next ?? 'people');
    setAddress(to, { replace: true });
  };
  return (
    <>
      <div className={pane.bar}>
        <Tabs value={tab} onChange={choose} variant="pills">
          <Tabs.List aria-label={t('place.admin')}>
            {open.map((name) => (
              <Tabs.Tab key={name} value={name} className={pane.tab}>
                {name === 'store' ? t('store.title') : t(`admin.tab.${name}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
      </div>
      <div className={pane.pane}>
        {tab === 'people' && <PeoplePane />}
        {tab === 'organisations' && <OrganisationsPane />}
        {tab === 'agreements' && <AgreementsPane />}
        {tab === 'tokens' && <TokensPane />}
        {tab === 'store' && <StorePane />}
      </div>
    </>
  );
}
