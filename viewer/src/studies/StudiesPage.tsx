/** Every study one may see: search, filter, open, ask about; drop files to bring more in. */
import { Button, Group, Select, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { hasRole, useMe } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { modalities } from '../ui/modalities';
import { PageSkeleton } from '../ui/PageSkeleton';
import { SearchBox } from '../ui/SearchBox';
import { useKeys } from '../ui/useKeys';
import { DropZone, UploadButton } from './DropZone';
import classes from './Studies.module.css';
import { StudyTable } from './StudyTable';
import { periods, since, useStudies, type Period } from './useStudies';

const page = 50;

export function StudiesPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [search, setSearch] = useState('');
  const [q] = useDebouncedValue(search.trim(), 200);
  const [modality, setModality] = useState<string | null>(null);
  const [period, setPeriod] = useState<Period>('any');
  const [limit, setLimit] = useState(page);
  const found = useStudies({ q, modality: modality ?? undefined, from: since(period), limit });
  const searchBox = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => searchBox.current?.focus() });
  const mayUpload = hasRole(me, 'requester', 'uploader', 'coordinator', 'administrator');

  return (
    <DropZone>
      <Group className={classes.bar} gap="sm">
        <SearchBox ref={searchBox} value={search} onChange={setSearch} placeholder={t('studies.search')} />
        <Select
          aria-label={t('studies.modality')}
          placeholder={t('studies.anyModality')}
          data={modalities}
          value={modality}
          onChange={setModality}
          clearable
          w={130}
        />
        <Select
          aria-label={t('studies.period')}
          data={periods.map((value) => ({ value, label: t(`studies.periods.${value}`) }))}
          value={period}
          onChange={(value) => setPeriod(periods.find((known) => known === value) ?? 'any')}
          allowDeselect={false}
          w={130}
        />
        {mayUpload && <UploadButton />}
      </Group>
      <div className={classes.list}>
        {found.isPending && <PageSkeleton rows={8} />}
        {found.isError && found.data === undefined && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
        {found.data?.studies.length === 0 && (
          <EmptyState title={t('studies.empty')} hint={mayUpload ? t('studies.emptyHint') : undefined} />
        )}
        {found.data !== undefined && found.data.studies.length > 0 && (
          <StudyTable studies={found.data.studies} mayAsk={hasRole(me, 'requester')} />
        )}
        {found.data !== undefined && found.data.looked_at !== null && (
          <Text role="status" size="sm" c="dimmed" m="md">
            {t('studies.lookedAt', { n: found.data.looked_at })}
          </Text>
        )}
        {found.data?.more === true && (
          <Button variant="default" m="md" onClick={() => setLimit(limit + page)}>
            {t('common.more')}
          </Button>
        )}
      </div>
    </DropZone>
  );
}
