/** Which study or slide the question is about: the newest arrivals on top, a search, or files dropped here. */
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { useStudy } from '../reading/useStudy';
import { UploadButton } from '../studies/DropZone';
import { useStudies } from '../studies/useStudies';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { useExamText } from '../ui/useExamText';
import { useFormat } from '../ui/useFormat';
import type { AskStudy } from './askDraft';
import classes from './Consult.module.css';

interface Props {
  study: AskStudy | null;
  error: string | undefined;
  onChoose: (study: AskStudy | null) => void;
}

export function StudyChoice({ study, error, onChoose }: Props) {
  return (
    <Stack gap="xs">
      {study === null ? <StudySearch onChoose={onChoose} /> : <ChosenStudy study={study} onChange={() => onChoose(null)} />}
      {error !== undefined && (
        <Text size="sm" c="red" role="alert">
          {error}
        </Text>
      )}
    </Stack>
  );
}

function ChosenStudy({ study, onChange }: { study: AskStudy; onChange: () => void }) {
  const { t } = useTranslation();
  const detail = useStudy(study.org, study.study_instance_uid);
  if (detail.isError) return <ErrorNotice error={detail.error} onRetry={onChange} />;
  if (detail.data === undefined) return <PageSkeleton rows={1} />;
  return (
    <Group justify="space-between">
      <StudyLine study={detail.data} />
      <Group gap="xs">
        <UploadButton />
        <Button variant="default" onClick={onChange}>
          {t('ask.otherStudy')}
        </Button>
      </Group>
    </Group>
  );
}

function StudySearch({ onChoose }: { onChoose: (study: AskStudy) => void }) {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const [q] = useDebouncedValue(search.trim(), 200);
  const found = useStudies(q === '' ? { order: 'received', limit: 20 } : { q, own: 'true', limit: 20 });
  const own = (found.data?.studies ?? []).toSorted((a, b) => b.received_at.localeCompare(a.received_at));
  return (
    <>
      <Group>
        <TextInput
          type="search"
          aria-label={t('common.search')}
          placeholder={t('studies.search')}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          flex={1}
          miw={200}
        />
        <UploadButton />
      </Group>
      <Text size="sm" c="dimmed">
        {t('ask.dropHint')}
      </Text>
      {found.isError && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
      <div className={classes.choices} role="list" aria-label={t('ask.step.study')}>
        {own.map((study) => (
          <div key={study.study_instance_uid} role="listitem">
            <button
              type="button"
              className={classes.choice}
              onClick={() => onChoose({
                  org: study.organisation.id,
                  study_instance_uid: study.study_instance_uid,
                  slide_id: study.slide_ids[0] ?? null,
                })}
            >
              <StudyLine study={study} />
            </button>
          </div>
        ))}
        {found.isSuccess && own.length === 0 && <Text c="dimmed">{t('studies.empty')}</Text>}
      </div>
    </>
  );
}

/** Enough to be sure that this is the right patient. */
function StudyLine({ study }: { study: Study }) {
  const { t } = useTranslation();
  const format = useFormat();
  const examText = useExamText();
  return (
    <div>
      <Patient patient={study} /> <Text span>{study.patient_id}</Text>
      <Text size="sm" c="dimmed">
        {examText(study)} · {dicomDate(study.study_date)} ·{' '}
        {t('studies.size', { series: study.series_count, instances: study.instance_count })} ·{' '}
        {t('ask.received', { at: format.moment(study.received_at) })}
      </Text>
    </div>
  );
}
