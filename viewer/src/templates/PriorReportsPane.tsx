/** Earlier reports on the patient, beside the one that is being written: to read, to quote, to be compared with. */
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { PageSkeleton } from '../ui/PageSkeleton';
import type { ComparedReport, PriorReport } from './api';
import classes from './Templates.module.css';
import { usePriorReports } from './usePriorReports';

interface Props {
  consult: string;
  compared: readonly ComparedReport[];
  /** `null`: they are only read. */
  writes: { onCompare: (compared: ComparedReport[]) => void; onQuote: (text: string) => void } | null;
}

const compared_max = 5;

export function PriorReportsPane({ consult, compared, writes }: Props) {
  const { t } = useTranslation();
  const prior = usePriorReports(consult, true);
  if (prior.isPending) return <PageSkeleton rows={3} />;
  if (prior.isError) return <ErrorNotice error={prior.error} onRetry={() => void prior.refetch()} />;
  if (prior.data.reports.length === 0) return <Text c="dimmed">{t('priors.none')}</Text>;
  const isCompared = (one: PriorReport) => compared.some(({ consult_id }) => consult_id === one.consult_id);
  return (
    <Stack gap="lg">
      {prior.data.reports.map((report) => (
        <article key={report.consult_id} aria-label={t('priors.named', { date: dicomDate(report.exam.date), number: report.number })}>
          <Stack gap="xs">
            <Text fw={600}>
              {dicomDate(report.exam.date)} {report.exam.modalities.join('/')} {report.exam.description}
            </Text>
            <Text size="xs" c="dimmed">
              {report.number} · {report.reader}
            </Text>
            {report.fields.length > 0 && (
              <dl className={classes.values}>
                {report.fields.map((field) => (
                  <div key={field.key} style={{ display: 'contents' }}>
                    <dt>{field.label}</dt>
                    <dd>{field.text}</dd>
                  </div>
                ))}
              </dl>
            )}
            <Field label={t('canonical.findings')}>{report.findings}</Field>
            <Field label={t('canonical.diagnosis')}>
              <strong>{report.diagnosis}</strong>
            </Field>
            <Field label={t('canonical.recommendation')}>{report.recommendation}</Field>
            {writes !== null && (
              <Group justify="space-between">
                <Checkbox
                  size="sm"
                  label={t('priors.compare')}
                  checked={isCompared(report)}
                  disabled={!isCompared(report) && compared.length >= compared_max}
                  onChange={() => writes.onCompare(toggled(compared, report))}
                />
                <Button
                  size="xs"
                  variant="default"
                  onClick={() => {
                    if (!isCompared(report) && compared.length < compared_max) writes.onCompare(toggled(compared, report));
                    writes.onQuote(quoted(t('priors.quote', { date: dicomDate(report.exam.date) }), report));
                  }}
                >
                  {t('priors.quoteButton')}
                </Button>
              </Group>
            )}
          </Stack>
        </article>
      ))}
    </Stack>
  );
}

function toggled(compared: readonly ComparedReport[], report: PriorReport): ComparedReport[] {
  const others = compared.filter(({ consult_id }) => consult_id !== report.consult_id);
  if (others.length < compared.length) return others;
  const { consult_id, number, version, canonical_sha256, exam } = report;
  return [...others, { consult_id, number, version, canonical_sha256, exam }];
}

/** What an earlier report found, each line marked as a quotation. */
function quoted(head: string, report: PriorReport): string {
  const fields = report.fields.map(({ label, text }) => `${label} ${text}`);
  const lines = [...fields, ...report.findings.split('\n'), ...report.diagnosis.split('\n')].filter((line) => line.trim() !== '');
  return [head, ...lines.map((line) => `> ${line}`)].join('\n');
}
