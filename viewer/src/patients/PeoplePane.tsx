/** People by name or number: the identities that hospitals know them by, and all their studies that may be seen here. */
import { Button, Group, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Chip } from '../ui/Chip';
import { dicomDate } from '../ui/dicomText';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { SearchBox } from '../ui/SearchBox';
import { useKeys } from '../ui/useKeys';
import { usePatientText } from '../ui/usePatientText';
import type { Identity, Person } from './api';
import { PairDialog } from './PairDialog';
import classes from './Patients.module.css';
import { usePeople, usePerson } from './usePatients';

export function PeoplePane({ decides }: { decides: boolean }) {
  const { t } = useTranslation();
  const patientText = usePatientText();
  const [text, setText] = useState('');
  const [q] = useDebouncedValue(text.trim(), 250);
  const list = usePeople(q);
  const search = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [first, setFirst] = useState<Identity | null>(null);
  const [pair, setPair] = useState<[string, string] | null>(null);
  useKeys({ '/': () => search.current?.focus() });
  const compare = (identity: Identity) => {
    if (first === null) setFirst(identity);
    else if (first.id !== identity.id) setPair([first.id, identity.id]);
  };
  const close = () => {
    setPair(null);
    setFirst(null);
  };
  return (
    <div className={classes.people}>
      <Group justify="space-between">
        <SearchBox ref={search} value={text} onChange={setText} placeholder={t('patients.search')} />
        {first !== null && (
          <Group gap="xs" role="status">
            <Text size="sm">{t('patients.comparing', { name: patientText(first).name, id: first.patient_id })}</Text>
            <Button size="compact-sm" variant="default" onClick={close}>
              {t('patients.stop')}
            </Button>
          </Group>
        )}
      </Group>
      {list.isError && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <PageSkeleton />}
      {list.data?.patients.length === 0 && <EmptyState title={t('patients.nobody')} />}
      <ul className={classes.list} aria-label={t('place.patients')}>
        {list.data?.patients.map((person) => {
          const id = person.identities[0]?.id ?? '';
          return (
            <PersonRow
              key={id}
              person={person}
              opened={open === id}
              onOpen={() => setOpen(open === id ? null : id)}
              onCompare={decides ? compare : null}
              onPart={decides ? (one, other) => setPair([one, other]) : null}
              chosen={first?.id ?? null}
            />
          );
        })}
      </ul>
      {list.data?.more === true && (
        <Text size="sm" c="dimmed">
          {t('patients.moreHint')}
        </Text>
      )}
      {pair !== null && <PairDialog one={pair[0]} other={pair[1]} onClose={close} />}
    </div>
  );
}

interface RowProps {
  person: Person;
  opened: boolean;
  onOpen: () => void;
  onCompare: ((identity: Identity) => void) | null;
  onPart: ((one: string, other: string) => void) | null;
  chosen: string | null;
}

function PersonRow({ person, opened, onOpen, onCompare, onPart, chosen }: RowProps) {
  const { t } = useTranslation();
  const [head] = person.identities;
  if (head === undefined) return null;
  const linkOf = (identity: Identity) => (identity === head ? undefined : person.links.find(({ one, other }) => one === identity.id || other === identity.id));
  return (
    <li>
      <div className={classes.grow}>
        <div>
          <Patient patient={head} /> <span className={classes.quiet}>{dicomDate(head.patient_birth_date)}</span>
        </div>
        {person.identities.map((identity) => {
          const link = linkOf(identity);
          return (
            <div key={identity.id} className={classes.identity}>
              <span>{identity.organisation.name}</span>
              <span className={classes.number}>{identity.patient_id}</span>
              {identity.patient_name !== head.patient_name && <span>{identity.patient_name}</span>}
              <span className={classes.quiet}>{t('patients.studies', { n: identity.studies, date: dicomDate(identity.last_study_date) })}</span>
              {link !== undefined && <Chip tone="active">{t(`patients.by.${link.by}`)}</Chip>}
              {link !== undefined && onPart !== null && (
                <Button size="compact-xs" variant="subtle" onClick={() => onPart(link.one, link.other)}>
                  {t('patients.look')}
                </Button>
              )}
              {onCompare !== null && chosen !== identity.id && (
                <Button size="compact-xs" variant="subtle" onClick={() => onCompare(identity)}>
                  {t(chosen === null ? 'patients.compare' : 'patients.withThis')}
                </Button>
              )}
            </div>
          );
        })}
        {opened && <Studies id={head.id} />}
      </div>
      <Button size="compact-sm" variant="default" aria-expanded={opened} onClick={onOpen}>
        {t('patients.showStudies')}
      </Button>
    </li>
  );
}

function Studies({ id }: { id: string }) {
  const { t } = useTranslation();
  const person = usePerson(id, true);
  if (person.data === undefined) return person.isError ? <ErrorNotice error={person.error} /> : <PageSkeleton />;
  return (
    <ul className={classes.studies} aria-label={t('place.studies')}>
      {person.data.studies.map((study) => (
        <li key={`${study.organisation.id}/${study.study_instance_uid}`}>
          <Link to={`/studies/${study.organisation.id}/${study.study_instance_uid}`}>
            {[dicomDate(study.study_date), study.modalities.join(' '), study.description].filter((part) => part !== '').join(' · ')}
          </Link>
          <span className={classes.quiet}>
            {study.organisation.name} {study.accession_number}
          </span>
        </li>
      ))}
    </ul>
  );
}
