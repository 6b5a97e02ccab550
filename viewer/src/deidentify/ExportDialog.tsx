/** Before anything goes out: what does, what does not, why it is wanted; then the download. */
import { Alert, Checkbox, Select, Stack, Table, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { bytesText } from '../uploads/sizes';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Patient } from '../ui/Patient';
import { deidentification, purposes, type Project, type Purpose } from './api';
import classes from './Deidentify.module.css';
import { totals } from './totals';

interface Props {
  project: Project;
  studies: Study[];
  onClose: () => void;
}

export function ExportDialog({ project, studies, onClose }: Props) {
  const { t } = useTranslation();
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
  const download = async () => {
    if (purpose === null) return;
    const made = await deidentification.ask(project.id, { studies: uids, with_risky: withRisky, purpose, reason });
    window.location.assign(made.url);
  };
  return (
    <ConfirmDialog
      title={t('deidentify.exportTitle', { name: project.name })}
      size="xl"
      consequences={[t('deidentify.onRecord')]}
      confirm={t('deidentify.download')}
      ready={survey.isSuccess && purpose !== null && reason.trim() !== '' && (sum.instances > 0 || withRisky)}
      onConfirm={download}
      onClose={onClose}
    >
      <Stack gap="sm">
        {survey.isPending && <PageSkeleton rows={3} />}
        {survey.isError && <ErrorNotice error={survey.error} onRetry={() => void survey.refetch()} />}
        {survey.isSuccess && (
          <>
            <Text size="sm">{t('deidentify.sum', { n: sum.instances, size: bytesText(sum.bytes) })}</Text>
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
              <Alert color="orange" variant="outline" title={t('deidentify.riskTitle', { n: sum.risky })}>
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
    </ConfirmDialog>
  );
}
