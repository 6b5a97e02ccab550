/** A coordinator's desk: who is on duty now and next, what each has in hand, what nobody has; one key gives a case to somebody. */
import { Button, Group, Switch, Table, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Chip } from '../ui/Chip';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { PaneTable } from '../ui/PaneTable';
import pane from '../ui/Pane.module.css';
import { useFormat } from '../ui/useFormat';
import { useNow } from '../ui/useNow';
import type { Burden, Overview, Shift } from './api';
import { CasePile } from './CasePile';
import classes from './Desk.module.css';
import { ageOf, nextShift, piles, type PileName } from './desk';
import { ShiftsDialog } from './ShiftsDialog';
import { useOverview, useSetDuty } from './useAssignment';

export function DutyPane() {
  const overview = useOverview();
  if (overview.isPending) return <PageSkeleton />;
  if (overview.data === undefined) return <ErrorNotice error={overview.error} onRetry={() => void overview.refetch()} />;
  return <Desk overview={overview.data} />;
}

function Desk({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<PileName>('unassigned');
  const [planning, setPlanning] = useState<Burden | null>(null);
  const set = useSetDuty();
  const all = piles(overview);
  // Somebody whose last case went elsewhere may have left the list.
  const shown = all.find(({ name }) => name === chosen) ?? all[0];
  const nameOf = (name: PileName) => {
    const person = overview.people.find(({ id }) => id === name);
    return person?.name ?? t(`desk.pile.${name as 'unassigned' | 'to_review' | 'awaiting_data'}`);
  };
  return (
    <>
      <div className={classes.piles} role="group" aria-label={t('desk.piles')}>
        {all
          .filter(({ person }) => person === null)
          .map(({ name, cases, overdue }) => (
            <UnstyledButton key={name} className={classes.pile ?? ''} aria-pressed={shown?.name === name} onClick={() => setChosen(name)}>
              {nameOf(name)} <strong>{cases.length}</strong>
              {overdue > 0 && <span className={classes.late}> {t('desk.overdue', { n: overdue })}</span>}
            </UnstyledButton>
          ))}
      </div>
      {overview.is_cut && <p className={classes.hint}>{t('desk.cut')}</p>}
      {set.isError && <ErrorNotice error={set.error} />}
      <div className={classes.desk}>
        <section aria-label={t('desk.people')} className={classes.people}>
          <PaneTable columns={[t('assignment.person'), t('assignment.load'), t('desk.late'), t('desk.oldest'), t('assignment.onDuty'), t('desk.shift')]}>
              {overview.people.map((one) => (
                <Table.Tr key={one.id} data-chosen={shown?.name === one.id || undefined}>
                  <Table.Td>
                    <UnstyledButton className={classes.who ?? ''} aria-pressed={shown?.name === one.id} onClick={() => setChosen(one.id)}>
                      {one.name}
                    </UnstyledButton>
                    <div className={pane.quiet}>
                      {one.is_reader ? [one.title, one.modalities.join(t('common.listSeparator')), one.subspecialties.map((known) => t(`subspecialty.${known}`)).join(t('common.listSeparator'))].filter((part) => part !== '').join(' · ') : t('desk.gone')}
                    </div>
                  </Table.Td>
                  <Table.Td data-label={t('assignment.load')}>{one.cases.length}</Table.Td>
                  <Table.Td data-label={t('desk.late')}>{one.overdue > 0 ? <Chip tone="alarm">{one.overdue}</Chip> : 0}</Table.Td>
                  <Table.Td className={pane.fixed} data-label={t('desk.oldest')}>
                    <Age at={one.oldest_at} />
                  </Table.Td>
                  <Table.Td data-label={t('assignment.onDuty')}>
                    {one.is_reader && (
                      <Switch
                        display="inline-block"
                        aria-label={t('assignment.dutyOf', { name: one.name })}
                        checked={one.duty === 'on'}
                        onChange={(event) => set.mutate({ person: one.id, duty: event.currentTarget.checked ? 'on' : 'off' })}
                      />
                    )}
                  </Table.Td>
                  <Table.Td>
                    {one.is_reader && (
                      <Group gap="xs" wrap="nowrap">
                        <NextShift shift={nextShift(overview.shifts, one.id)} />
                        <Button size="compact-sm" variant="default" aria-label={t('desk.planOf', { name: one.name })} onClick={() => setPlanning(one)}>
                          {t('desk.plan')}
                        </Button>
                      </Group>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
          </PaneTable>
          {overview.people.length === 0 && <p className={classes.hint}>{t('assignment.noReaders')}</p>}
          <p className={classes.hint}>{t('assignment.dutyHint')}</p>
          <OnCall shifts={overview.shifts} />
        </section>
        {shown !== undefined && <CasePile key={shown.name} title={nameOf(shown.name)} cases={shown.cases} />}
      </div>
      {planning !== null && (
        <ShiftsDialog person={planning} shifts={overview.shifts.filter(({ person }) => person.id === planning.id)} onClose={() => setPlanning(null)} />
      )}
    </>
  );
}

function Age({ at }: { at: string | null }) {
  const { t } = useTranslation();
  const now = useNow();
  if (at === null) return null;
  const { n, unit } = ageOf(Date.parse(at), now);
  return <>{t(`desk.age.${unit}`, { n })}</>;
}

/** Who is told what nobody else has answered; nobody may be. */
function OnCall({ shifts }: { shifts: Shift[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = shifts.filter(({ kind, has_begun }) => kind === 'on_call' && has_begun);
  const names = now.map(({ person, until }) => t('desk.onCallUntil', { name: person.name, at: format.moment(until) }));
  return (
    <p className={classes.hint} data-testid="on-call">
      {names.length === 0 ? t('desk.nobodyOnCall') : t('desk.onCallAre', { who: names.join(t('common.listSeparator')) })}
    </p>
  );
}

function NextShift({ shift }: { shift: Shift | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (shift === undefined) return null;
  return (
    <span className={pane.fixed}>
      {shift.kind === 'on_call' && <Chip>{t('desk.onCall')}</Chip>} {shift.has_begun ? t('desk.untilMoment', { at: format.moment(shift.until) }) : t('desk.fromMoment', { at: format.moment(shift.from) })}
    </span>
  );
}
