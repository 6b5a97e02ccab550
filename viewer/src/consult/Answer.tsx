/** The answer to a consult: its words, whether the signature holds, and the report to take away. */
import { Button, Group, Paper, Stack, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { consults } from '../api/endpoints';
import type { Consult } from '../api/types';
import { FilledFields } from '../templates/FilledFields';
import { Field } from '../ui/Field';
import { VerdictLine } from '../verify/VerdictLine';
import classes from './Consult.module.css';
import { useReportWords } from './useReportWords';
import { useVerdict } from './useVerdict';

export function Answer({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const verdict = useVerdict(consult.id);
  return (
    <Paper withBorder p="md" component="section" className={classes.panel}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {t('consult.answer')}
          </Title>
          <Group gap="xs">
            <Button component={Link} to={`/cases/${consult.id}/report`} variant="light">
              {t('report.open')}
            </Button>
            <Button component="a" href={consults.file(consult.id, 'report.pdf')} download={`${consult.number}.pdf`}>
              {t('report.downloadPdf')}
            </Button>
          </Group>
        </Group>
        {verdict.data !== undefined && <VerdictLine verdict={verdict.data} />}
        <ReportText consult={consult} />
      </Stack>
    </Paper>
  );
}

/** What the report says, if there is one. */
export function ReportText({ consult }: { consult: Consult }) {
  const words = useReportWords(consult);
  if (consult.report === null) return null;
  return (
    <>
      <Field label={words.diagnosis}>
        <strong>{consult.report.diagnosis}</strong>
      </Field>
      {consult.report.structured !== undefined && <FilledFields structured={consult.report.structured} />}
      <Field label={words.findings}>{consult.report.findings}</Field>
      <Field label={words.recommendation}>{consult.report.recommendation}</Field>
    </>
  );
}
