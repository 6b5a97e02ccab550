/** Cases of one pile, those that are due first: opened by Enter, given to somebody by `a`. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { AssignDialog } from '../reading/AssignDialog';
import { Clock } from '../ui/Clock';
import { StateChip } from '../ui/StateChip';
import { UrgencyChip } from '../ui/UrgencyChip';
import { useKeys } from '../ui/useKeys';
import type { Carried } from './api';
import classes from './Desk.module.css';

export function CasePile({ title, cases }: { title: string; cases: Carried[] }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<string | null>(null);
  const [giving, setGiving] = useState<Carried | null>(null);
  const at = Math.max(0, cases.findIndex(({ id }) => id === chosen));
  const current = cases[at];
  const move = (by: number) => setChosen(cases[Math.min(Math.max(at + by, 0), cases.length - 1)]?.id ?? null);
  const give = () => current?.may_assign === true && setGiving(current);
  useKeys(
    {
      j: () => move(chosen === null ? 0 : 1),
      k: () => move(-1),
      ArrowDown: () => move(chosen === null ? 0 : 1),
      ArrowUp: () => move(-1),
      Enter: () => current !== undefined && navigate(`/cases/${current.id}`),
      a: give,
    },
    giving === null,
  );
  return (
    <section className={classes.cases} aria-label={title}>
      <h2 className={classes.title}>
        {title} <span className={classes.hint}>{t('desk.keys')}</span>
      </h2>
      {cases.length === 0 && <p className={classes.hint}>{t('desk.none')}</p>}
      <ul className={classes.list}>
        {cases.map((one) => (
          <li key={one.id} className={classes.case} aria-current={one.id === current?.id && chosen !== null ? true : undefined} onClick={() => setChosen(one.id)}>
            <span className={classes.clock}>
              <Clock consult={{ state: one.state, submitted_at: one.submitted_at, due_at: one.due_at, waited_ms: 0 }} />
            </span>
            <span className={classes.what}>
              <Link to={`/cases/${one.id}`}>
                {one.patient} {one.modalities.join('/')} {one.description}
              </Link>
              <span className={classes.hint}>
                {one.requesting.name} {one.number}
              </span>
            </span>
            <UrgencyChip urgency={one.urgency} />
            <StateChip state={one.state} />
            {one.may_assign && (
              <Button size="compact-sm" variant="default" aria-label={t('desk.giveOf', { number: one.number })} onClick={() => setGiving(one)}>
                {t('desk.give')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {giving !== null && <AssignDialog consult={giving} handsOver={false} actOn={(act) => act(giving.version)} onClose={() => setGiving(null)} />}
    </section>
  );
}
