/** The people of an organisation: what they do, whether they can sign, and what can be done to their accounts. */
import { Button, Group, Menu, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { hasRole, useMe } from '../session/useMe';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { people, type Person } from './api';
import { OurOrganisation } from './OurOrganisation';
import { AccountDialog, type AccountAct } from './AccountDialog';
import { PersonDialog } from './PersonDialog';
import { licenceState, signs } from './roles';
import { useOurs } from './useOurs';

type Open = { act: 'new' } | { act: 'change' | AccountAct; person: Person } | null;

export function PeoplePane() {
  const { t } = useTranslation();
  const me = useMe();
  const { ours, chosen, choose } = useOurs();
  const list = useQuery({ queryKey: [...keys.people, chosen], queryFn: () => people.list(chosen) });
  const [open, setOpen] = useState<Open>(null);
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const mayAdd = hasRole(me, 'administrator');
  const close = () => setOpen(null);
  return (
    <>
      <Group justify="space-between" px="md" py="xs">
        <Text size="sm" c="dimmed" maw={720}>
          {t('people.hint')}
        </Text>
        <Group gap="sm">
          <OurOrganisation ours={ours} chosen={chosen} onChoose={choose} />
          {mayAdd && <Button onClick={() => setOpen({ act: 'new' })}>{t('people.add')}</Button>}
        </Group>
      </Group>
      {list.data.people.length === 0 ? (
        <EmptyState title={t('people.empty')} hint={t('people.emptyHint')} />
      ) : (
        <PaneTable columns={[t('people.person'), t('people.login'), t('people.roles'), t('people.licence'), t('people.state'), '']}>
          {list.data.people.map((person) => (
            <Row key={person.id} person={person} shown={chosen} onOpen={(act) => setOpen({ act, person })} />
          ))}
        </PaneTable>
      )}
      {open?.act === 'new' && <PersonDialog person={null} organisation={chosen} ours={ours} onClose={close} />}
      {open?.act === 'change' && <PersonDialog person={open.person} organisation={chosen} ours={ours} onClose={close} />}
      {open !== null && open.act !== 'new' && open.act !== 'change' && <AccountDialog act={open.act} person={open.person} onClose={close} />}
    </>
  );
}

function Row({ person, shown, onOpen }: { person: Person; shown: string; onOpen: (act: 'change' | AccountAct) => void }) {
  const { t } = useTranslation();
  const isAtHome = person.organisation === shown;
  const roles = isAtHome ? person.roles : (person.memberships.find(({ organisation }) => organisation === shown)?.roles ?? []);
  return (
    <Table.Tr>
      <Table.Td>
        <strong>{person.name}</strong>
        {person.title !== '' && <div className={pane.quiet}>{person.title}</div>}
        {person.subspecialties.length > 0 && <div className={pane.quiet}>{person.subspecialties.map((one) => t(`subspecialty.${one}`)).join(t('common.listSeparator'))}</div>}
      </Table.Td>
      <Table.Td data-label={t('people.login')}>{person.login}</Table.Td>
      <Table.Td data-label={t('people.roles')}>{roles.map((role) => t(`role.${role}`)).join(t('common.listSeparator'))}
        {!isAtHome && <div className={pane.quiet}>{t('people.fromElsewhere', { organisation: person.organisation })}</div>}
      </Table.Td>
      <Table.Td data-label={t('people.licence')}>
        <Licence person={person} />
      </Table.Td>
      <Table.Td data-label={t('people.state')}>
        <State person={person} />
      </Table.Td>
      <Table.Td>
        {person.allowed.length > 0 ? (
          <Menu position="bottom-end" shadow="none">
            <Menu.Target>
              <Button size="compact-sm" variant="default" aria-label={t('people.menuOf', { name: person.name })}>
                {t('people.menu')}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Acts person={person} onOpen={onOpen} />
            </Menu.Dropdown>
          </Menu>
        ) : (
          <span className={pane.quiet}>{t(isAtHome ? 'people.notYours' : 'people.theirs')}</span>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

/** Whether the server says how the account stands: of one that others look after it does not. */
const isToldOf = (person: Person) => person.etag !== '';

function Acts({ person, onOpen }: { person: Person; onOpen: (act: 'change' | AccountAct) => void }) {
  const { t } = useTranslation();
  const may = (duty: Person['allowed'][number]) => person.allowed.includes(duty);
  const acts: [AccountAct | 'change', boolean][] = [
    ['change', may('particulars')],
    ['invite', may('invite') && !person.is_disabled],
    ['endSessions', may('end_sessions')],
    ['resetSecondFactor', may('reset_second_factor') && person.has_second_factor],
    ['disable', may('disable') && !person.is_disabled],
    ['enable', may('disable') && person.is_disabled],
  ];
  return acts
    .filter(([, open]) => open)
    .map(([act]) => (
      <Menu.Item key={act} onClick={() => onOpen(act)}>
        {t(`people.act.${act}`)}
      </Menu.Item>
    ));
}

/** Nothing at all where there is nothing to say: on a telephone the cell goes, with its label. */
function State({ person }: { person: Person }) {
  const { t } = useTranslation();
  const isInvited = isToldOf(person) && !person.has_password;
  if (!person.is_disabled && !isInvited && !person.has_second_factor) return null;
  return (
    <Group gap={4}>
      {person.is_disabled && <Chip tone="alarm">{t('people.disabled')}</Chip>}
      {isInvited && <Chip tone="quiet">{t('people.invited')}</Chip>}
      {person.has_second_factor && <Chip tone="done">{t('people.secondFactor')}</Chip>}
    </Group>
  );
}

/** Whether the person could sign today: the licence, and a key for the signature. */
function Licence({ person }: { person: Person }) {
  const { t } = useTranslation();
  const { credential } = person;
  if (credential === null && !signs(person.roles)) return null;
  const state = licenceState(credential?.valid_until, new Date());
  return (
    <>
      {credential !== null && (
        <div>
          {credential.licence} <span className={pane.quiet}>{credential.modalities.join(' ')}</span>
        </div>
      )}
      <Group gap={4}>
        {state !== 'good' && (
          <Chip tone={state === 'ending' ? 'active' : 'alarm'}>{t(`people.licenceState.${state}`, { day: credential?.valid_until })}</Chip>
        )}
        {signs(person.roles) && isToldOf(person) && !person.has_signing_key && <Chip tone="alarm">{t('people.noKey')}</Chip>}
      </Group>
    </>
  );
}
