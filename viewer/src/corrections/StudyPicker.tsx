/** Chooses another study of the own organisation: by name, pinyin, patient id or accession number. */
import { Radio, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { useStudies } from '../studies/useStudies';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { useExamText } from '../ui/useExamText';
import classes from './Corrections.module.css';

interface Props {
  label: string;
  chosen: Study | null;
  /** Which studies may be chosen at all. */
  fits: (study: Study) => boolean;
  onChoose: (study: Study) => void;
}

export function StudyPicker({ label, chosen, fits, onChoose }: Props) {
  const { t } = useTranslation();
  const examText = useExamText();
  const [search, setSearch] = useState('');
  const [q] = useDebouncedValue(search.trim(), 200);
  const found = useStudies({ q, limit: 30 });
  const offered = (found.data?.studies ?? []).filter((study) => study.own && fits(study));
  // What was typed is not what the list shows yet: nobody is to hit who is about to move.
  const isMoving = search.trim() !== q || found.isPlaceholderData;
  // Who is chosen stays in sight, whatever is searched for afterwards.
  const isChosenListed = chosen === null || offered.some((one) => one.study_instance_uid === chosen.study_instance_uid);
  const listed = isChosenListed ? offered : [chosen, ...offered];
  return (
    <Radio.Group
      label={label}
      value={chosen?.study_instance_uid ?? ''}
      onChange={(uid) => {
        const study = offered.find((one) => one.study_instance_uid === uid);
        if (study !== undefined) onChoose(study);
      }}
    >
      <Stack gap="xs" mt={4}>
        <TextInput
          type="search"
          aria-label={t('common.search')}
          placeholder={t('studies.search')}
          data-autofocus
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        {found.isPending && <PageSkeleton rows={3} />}
        {found.isError && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
        <div className={classes.choices}>
          {listed.map((study) => (
            <Radio
              key={study.study_instance_uid}
              value={study.study_instance_uid}
              disabled={isMoving}
              label={
                <>
                  <Patient patient={study} /> {study.patient_id}
                  <Text size="xs" c="dimmed">
                    {[examText(study), dicomDate(study.study_date), study.accession_number].filter((part) => part !== '').join(' · ')}
                  </Text>
                </>
              }
            />
          ))}
          {found.isSuccess && offered.length === 0 && <Text c="dimmed">{t('corrections.nothingFits')}</Text>}
        </div>
      </Stack>
    </Radio.Group>
  );
}
