/** What a security officer looks at in the morning: what needs somebody first, each part leading to where it is put right. */
import { Anchor } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { useFormat } from '../ui/useFormat';
import { security, type AccountLine, type Ending, type EndingLine, type SecurityOverview } from './api';
import { AuditStateLines } from './AuditStateLines';
import { needs, type Part } from './needs';
import classes from './Security.module.css';

export default function SecurityPage() {
  const { t } = useTranslation();
  const me = useMe();
  const isOfficer = hasRole(me, 'security_officer');
  const seen = useQuery({ queryKey: ['security'], queryFn: security.overview, enabled: isOfficer });
  if (!isOfficer) return <EmptyState title={t('problem.forbidden')} />;
  if (seen.isPending) return <PageSkeleton />;
  if (seen.data === undefined) return <ErrorNotice error={seen.error} onRetry={() => void seen.refetch()} />;
  return <Overview seen={seen.data} />;
}

function Overview({ seen }: { seen: SecurityOverview }) {
  const { t } = useTranslation();
  const format = useFormat();
  const needed = needs(seen, Date.parse(seen.at));
  const all = parts.filter((part) => part !== 'node' || seen.node !== null);
  const order = [...all.filter((part) => needed.has(part)), ...all.filter((part) => !needed.has(part))];
  return (
    <div className={pane.pane}>
      <div className={classes.page}>
        <div className={classes.head}>
          <h1>{t('security.title', { name: seen.organisation.name })}</h1>
          <span className={needed.size > 0 ? classes.alarm : classes.quiet}>
            {needed.size > 0 ? t('security.needed', { n: needed.size }) : t('security.noneNeeded')} · {format.moment(seen.at)}
          </span>
        </div>
        <div className={classes.cards}>
          {order.map((part) => (
            <Card key={part} part={part} isNeeded={needed.has(part)}>
              {content[part](seen)}
            </Card>
          ))}
        </div>
      </div>
    </div>
  );
}

const parts = ['emergencies', 'accounts', 'failed', 'tokens', 'people', 'agreements', 'devices', 'node', 'sessions'] as const satisfies readonly Part[];

/** Where it is put right; what only whoever runs the machine can do is said instead. */
const place: Partial<Record<Part, string>> = {
  emergencies: '/emergency',
  accounts: '/admin?tab=people',
  failed: '/admin?tab=people',
  sessions: '/admin?tab=people',
  people: '/admin?tab=people',
  tokens: '/admin?tab=tokens',
  agreements: '/admin?tab=agreements',
};

function Card({ part, isNeeded, children }: { part: Part; isNeeded: boolean; children: ReactNode }) {
  const { t } = useTranslation();
  const to = place[part];
  return (
    <section className={classes.card} aria-label={t(`security.${part}.title`)}>
      <header>
        <h2>{t(`security.${part}.title`)}</h2>
        {isNeeded && <Chip tone="alarm">{t('security.look')}</Chip>}
      </header>
      {children}
      <footer className={classes.quiet}>
        {to === undefined ? (
          t(part === 'node' ? 'security.node.mend' : 'security.devices.mend')
        ) : (
          <Anchor component={Link} to={to} size="sm">
            {t(`security.${part as 'tokens'}.mend`)}
          </Anchor>
        )}
      </footer>
    </section>
  );
}

const content: Record<Part, (seen: SecurityOverview) => ReactNode> = {
  accounts: ({ accounts }) => <Accounts accounts={accounts} />,
  failed: ({ failed }) => <Failed failed={failed} />,
  sessions: ({ sessions }) => <Sessions sessions={sessions} />,
  tokens: ({ tokens }) => <Tokens tokens={tokens} />,
  people: (seen) => <Endings ending={seen.people_ending} days={seen.soon_days} />,
  agreements: (seen) => <Endings ending={seen.agreements_ending} days={seen.soon_days} />,
  emergencies: ({ emergencies }) => <Emergencies emergencies={emergencies} />,
  devices: ({ devices }) => <Devices devices={devices} />,
  node: (seen) => seen.node !== null && <Node node={seen.node} days={seen.soon_days} />,
};

function Accounts({ accounts }: { accounts: SecurityOverview['accounts'] }) {
  const { t } = useTranslation();
  const without = accounts.active - accounts.with_second_factor;
  return (
    <>
      <p>{t('security.accounts.count', { with: accounts.with_second_factor, all: accounts.active, disabled: accounts.disabled })}</p>
      <ul className={classes.lines} tabIndex={0}>
        {accounts.locked.map((one) => (
          <AccountRow key={`locked ${one.id}`} one={one} note={t('security.accounts.locked')} isAlarm />
        ))}
        {accounts.without_second_factor.map((one) => (
          <AccountRow key={one.id} one={one} note={t(one.takes_second_factor ? 'security.accounts.takes' : 'security.accounts.without')} isAlarm={false} />
        ))}
      </ul>
      <More shown={accounts.without_second_factor.length} all={without} />
    </>
  );
}

function AccountRow({ one, note, isAlarm }: { one: AccountLine; note: string; isAlarm: boolean }) {
  const { t } = useTranslation();
  return (
    <li>
      <span>
        {one.name} <span className={classes.quiet}>{[one.login, ...one.roles.map((role) => t(`role.${role}`))].join(' · ')}</span>
      </span>
      <span className={isAlarm ? classes.alarm : classes.quiet}>{note}</span>
    </li>
  );
}

function Failed({ failed }: { failed: SecurityOverview['failed'] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <>
      <p>{t(failed.is_more ? 'security.failed.countMore' : 'security.failed.count', { days: failed.days, n: failed.count })}</p>
      <ul className={classes.lines} tabIndex={0}>
        {failed.lines.map((line) => (
          <li key={line.who}>
            <span>
              {line.who} ×{line.count} <span className={classes.quiet}>{line.addresses.join(' ')}</span>
            </span>
            <span className={classes.quiet}>{format.moment(line.last_at)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Sessions({ sessions }: { sessions: SecurityOverview['sessions'] }) {
  const { t } = useTranslation();
  return (
    <>
      <p>{t('security.sessions.count', { n: sessions.open })}</p>
      <ul className={classes.lines} tabIndex={0}>
        {sessions.lines.map((line) => (
          <li key={line.person}>
            <span>
              {line.name} <span className={classes.quiet}>{line.login}</span> ×{line.count}
            </span>
            {line.has_one_factor && <span className={classes.quiet}>{t('security.sessions.oneFactor')}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Tokens({ tokens }: { tokens: SecurityOverview['tokens'] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <>
      <p>{t('security.tokens.count', { n: tokens.good, look: tokens.to_look_at })}</p>
      <ul className={classes.lines} tabIndex={0}>
        {tokens.lines.map((line) => (
          <li key={line.id}>
            <span>{line.purpose === '' ? line.id : line.purpose}</span>
            <span className={line.why === 'ending' ? classes.alarm : classes.quiet}>
              {t(`security.tokens.${line.why}`, { at: format.moment(line.expires_at) })}
              {line.why !== 'ending' && line.last_used_at !== null && ` · ${t('security.tokens.usedAt', { at: format.moment(line.last_used_at) })}`}
            </span>
          </li>
        ))}
      </ul>
      <More shown={tokens.lines.length} all={tokens.to_look_at} />
    </>
  );
}

function Endings({ ending, days }: { ending: Ending; days: number }) {
  const { t } = useTranslation();
  return (
    <>
      <p>{t(ending.count === 0 ? 'security.ending.none' : 'security.ending.count', { days, n: ending.count })}</p>
      <ul className={classes.lines} tabIndex={0}>
        {ending.lines.map((line) => (
          <EndingRow key={`${line.what} ${line.id ?? ''} ${line.name}`} line={line} />
        ))}
      </ul>
      <More shown={ending.lines.length} all={ending.count} />
    </>
  );
}

function EndingRow({ line }: { line: EndingLine }) {
  const { t } = useTranslation();
  const format = useFormat();
  const known = (['licence', 'certificate', 'agreement'] as const).find((what) => what === line.what);
  return (
    <li>
      <span>
        {line.name} <span className={classes.quiet}>{known === undefined ? line.what : t(`security.ending.${known}`)}</span>
      </span>
      <span className={classes.alarm}>
        {line.at === null ? t('security.ending.unreadable') : t(line.is_over ? 'security.ending.over' : 'security.ending.at', { at: format.moment(line.at) })}
      </span>
    </li>
  );
}

function Emergencies({ emergencies }: { emergencies: SecurityOverview['emergencies'] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <>
      <p>{t(emergencies.is_allowed ? 'security.emergencies.allowed' : 'security.emergencies.notAllowed')}</p>
      <p className={emergencies.waiting > 0 ? classes.alarm : classes.quiet}>
        {emergencies.waiting === 0
          ? t('security.emergencies.none')
          : t('security.emergencies.waiting', { n: emergencies.waiting, at: format.moment(emergencies.oldest_at) })}
      </p>
    </>
  );
}

function Devices({ devices }: { devices: SecurityOverview['devices'] }) {
  const { t } = useTranslation();
  return (
    <>
      <p>{t('security.devices.count', { all: devices.all, n: devices.without_tls })}</p>
      <ul className={classes.lines} tabIndex={0}>
        {devices.lines.map((line) => (
          <li key={line.ae_title}>
            <span>{line.ae_title}</span>
            <span className={line.calls_plain && line.from_anywhere ? classes.alarm : classes.quiet}>
              {[
                ...(line.calls_plain ? [t(line.from_anywhere ? 'security.devices.callsFromAnywhere' : 'security.devices.calls')] : []),
                ...(line.is_called_plain ? [t('security.devices.called')] : []),
              ].join(t('common.listSeparator'))}
            </span>
          </li>
        ))}
      </ul>
      <More shown={devices.lines.length} all={devices.without_tls} />
    </>
  );
}

function Node({ node, days }: { node: NonNullable<SecurityOverview['node']>; days: number }) {
  const { t } = useTranslation();
  return (
    <>
      <AuditStateLines state={node.audit} />
      <p>{t('security.node.unknownNames', { n: node.unknown_names })}</p>
      <Endings ending={node.ending} days={days} />
    </>
  );
}

function More({ shown, all }: { shown: number; all: number }) {
  const { t } = useTranslation();
  return all > shown ? <p className={classes.quiet}>{t('security.more', { n: all - shown })}</p> : null;
}
