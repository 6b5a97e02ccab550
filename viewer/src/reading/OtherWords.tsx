/** Words of this browser beside what the server holds: a person decides, nothing is lost before. */
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ReportWords } from '../consult/useReportWords';
import { TemplateForm } from '../templates/TemplateForm';
import { useEdition } from '../templates/useTemplates';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { PageSkeleton } from '../ui/PageSkeleton';
import { rawWords } from './rawWords';
import { whole, type Report } from './useReport';

interface Props {
  report: Pick<Report, 'chooseMine' | 'chooseTheirs'>;
  other: Parameters<typeof whole>[0];
  words: ReportWords;
}

export function OtherWords({ report, other, words }: Props) {
  const { t } = useTranslation();
  const mine = whole(other);
  const named = (part: string) => t('reading.overtaken.mine', { part });
  const edition = useEdition(mine.template_version === null ? null : mine.template, mine.template_version);
  return (
    <Alert color="yellow" variant="outline" title={t('reading.overtaken.title')} data-testid="overtaken">
      <Stack gap="sm">
        <Text size="sm">{t('reading.overtaken.hint')}</Text>
        {edition.isError && <ErrorNotice error={edition.error} onRetry={() => void edition.refetch()} />}
        {edition.isLoading && <PageSkeleton rows={3} />}
        {edition.data !== undefined && (
          <section aria-label={named(t('report.title'))}>
            <Text size="sm" fw={600}>
              {named(t('report.title'))}
            </Text>
            <TemplateForm template={edition.data} filled={mine} writing={null} />
          </section>
        )}
        {edition.data === undefined &&
          !edition.isLoading &&
          rawWords(mine, words).map(([label, text], index) => (
            <Field key={`${label}/${index}`} label={named(label)}>
              {text}
            </Field>
          ))}
        {mine.compared.length > 0 && (
          <Field label={named(t('priors.comparedWith'))}>
            {mine.compared.map(({ number, exam }) => t('priors.named', { date: dicomDate(exam.date), number })).join(t('common.listSeparator'))}
          </Field>
        )}
        {mine.key_images.length > 0 && <Field label={named(t('notes.keyImages'))}>{t('sign.items', { n: mine.key_images.length })}</Field>}
        <Group justify="flex-end">
          <Button size="xs" variant="default" onClick={report.chooseTheirs}>
            {t('reading.overtaken.keepServer')}
          </Button>
          <Button size="xs" onClick={report.chooseMine}>
            {t('reading.overtaken.keepMine')}
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}
