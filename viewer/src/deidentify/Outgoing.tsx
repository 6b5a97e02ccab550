/** What goes out of some studies and what does not, and what it is wanted for: the same for an archive and for a collection. */
import { Alert, Checkbox, Select, Stack, Table, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { bytesText } from '../uploads/sizes';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { deidentification, purposes, type ExportWish, type Project, type Purpose } from './api';
import classes from './Deidentify.module.css';
import { totals } from './totals';

/** What somebody wants of these studies; `wish` is nothing until all of it is said. */
export function useOutgoing(project: Project, studies: Study[]) {
  const uids = studies.map((study) => study.study_instance_uid);
  const survey = useQuery({
    queryKey: ['deidentification-survey', project.id, uids],
    queryFn: () => deidentification.survey(project.id, uids),
    staleTime: 0,
  });
  const [purpose, setPurpose] = useState<Purpose | null>(null);
  const [reason, setReason] = useState('');
  const [withRisky, setWithRisky] = useState(false);
  const rows = survey.data?.studies ?? [];
  const sum = totals(rows);
  const isSaid = survey.isSuccess && reason.trim() !== '' && (sum.instances > 0 || withRisky);
  const wish: ExportWish | null = isSaid && purpose !== null ? { studies: uids, with_risky: withRisky, purpose, reason } : null;
  return { survey, rows, sum, purpose, setPurpose, reason, setReason, withRisky, setWithRisky, wish };
}

interface Props {
  outgoing: ReturnType<typeof useOutgoing>;
  studies: Study[];
  /** How many files of how many bytes, in a sentence. */
  sentence: 'deidentify.sum' | 'deidentify.intoSum';
}

export function Outgoing({ outgoing, studies, sentence }: Props) {
  const { t } = useTranslation();
  const { survey, rows, sum, purpose, setPurpose, reason, setReason, withRisky, setWithRisky } = outgoing;
  return (
    <Stack gap="sm">
      {survey.isPending && <PageSkeleton rows={3} />}
      {survey.isError && <ErrorNotice error={survey.error} onRetry={() => void survey.refetch()} />}
      {survey.isSuccess && (
        <>
          <Text size="sm">{t(sentence, { n: sum.instances, size: bytesText(sum.bytes) })}</Text>
          <div className={classes.survey}>
            <Table fz="sm" verticalSpacing={4} stickyHeader>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('worklist.column.patient')}</Table.Th>
                  <Table.Th>{t('deidentify.pseudonym')}</Table.Th>
                  <Table.Th>{t('deidentify.goesOut')}</Table.Th>
                  <Table.Th>{t('deidentify.heldBack')}</Table.Th>
                  <Table.Th>{t('deidentify.neverOut')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row, index) => (
                  <Table.Tr key={row.study}>
                    <Table.Td>{studies[index] !== undefined && <Patient patient={studies[index]} />}</Table.Td>
                    <Table.Td>
                      <code>{row.pseudonym}</code>
                    </Table.Td>
                    <Table.Td>{row.instances}</Table.Td>
                    <Table.Td>{row.likely_burned_in + row.burned_in}</Table.Td>
                    <Table.Td>{row.labels + row.documents}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
          {sum.unsaid > 0 && (
            <Text size="sm" c="dimmed">
              {t('deidentify.unsaid', { n: sum.unsaid })}
            </Text>
          )}
          {sum.never > 0 && (
            <Text size="sm" c="dimmed">
              {t('deidentify.neverText', { n: sum.never })}
            </Text>
          )}
          {sum.risky > 0 && (
            <Alert color="yellow" variant="outline" title={t('deidentify.riskTitle', { n: sum.risky })}>
              <Text size="sm">{t('deidentify.riskText')}</Text>
              <Checkbox mt="xs" checked={withRisky} onChange={(event) => setWithRisky(event.currentTarget.checked)} label={t('deidentify.withRisky')} />
            </Alert>
          )}
        </>
      )}
      <Select
        label={t('deidentify.purpose')}
        required
        placeholder={t('deidentify.purposeChoose')}
        data={purposes.map((value) => ({ value, label: t(`deidentify.purposeOf.${value}`) }))}
        value={purpose}
        onChange={(value) => setPurpose(purposes.find((one) => one === value) ?? null)}
      />
      <Textarea
        label={t('deidentify.reason')}
        description={t('deidentify.reasonHint')}
        required
        autosize
        minRows={2}
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </Stack>
  );
}
