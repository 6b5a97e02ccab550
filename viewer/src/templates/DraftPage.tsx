/** The page as it will be printed: of what is saved, made anew with each save. */
import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import type { Consult } from '../api/types';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import classes from './Templates.module.css';

interface Props {
  consult: Consult;
  /** Whether it is being written here: otherwise it is signed already, at least once. */
  isDraft: boolean;
  /** Changes with each save. */
  saved: number | null;
  flush: () => Promise<number>;
}

export function DraftPage({ consult, isDraft, saved, flush }: Props) {
  const { t } = useTranslation();
  const page = useQuery({
    queryKey: ['draft-page', consult.id, isDraft, saved],
    queryFn: async () => {
      const version = isDraft ? await flush() : consult.version;
      return isDraft ? `${consults.draftPdf(consult.id)}?v=${version}` : consults.file(consult.id, 'report.pdf');
    },
    placeholderData: (before) => before,
    staleTime: Infinity,
    gcTime: 0,
  });
  if (page.isError) return <ErrorNotice error={page.error} onRetry={() => void page.refetch()} />;
  if (page.data === undefined) return <PageSkeleton rows={6} />;
  return (
    <>
      {isDraft && (
        <Text size="xs" c="dimmed" px={12} py={4}>
          {t('templates.pageHint')}
        </Text>
      )}
      <iframe className={classes.page} src={`${page.data}#toolbar=0&navpanes=0&view=FitH`} title={t('templates.pageTitle')} />
    </>
  );
}
