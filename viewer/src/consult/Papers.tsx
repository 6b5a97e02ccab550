/** Photographs and papers that were dropped: whose they are is said, and read, before they are sent. */
import { ActionIcon, Button, Group, Paper, Radio, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { sendPapers } from '../studies/DropZone';
import { useStudy } from '../reading/useStudy';
import { dicomDate } from '../ui/dicomText';
import { Patient } from '../ui/Patient';
import { useExamText } from '../ui/useExamText';
import type { Particulars } from '../uploads/api';
import { ConfirmationLine, ParticularsForm } from '../uploads/ParticularsForm';
import { wholePatient } from '../uploads/patient';
import { bytesText } from '../uploads/sizes';
import type { AskStudy } from './askDraft';
import classes from './Consult.module.css';

interface Props {
  files: readonly File[];
  /** The study that the question is about, if one is chosen. */
  study: AskStudy | null;
  onRemove: (file: File) => void;
  onSent: () => void;
}

/** Files that are sent together make one study. */
const newBatch = () => Math.random().toString(36).slice(2);

export default function Papers({ files, study, onRemove, onSent }: Props) {
  const { t } = useTranslation();
  const [own, setOwn] = useState(true);
  const [of, setOf] = useState<Particulars>({});
  const toStudy = study !== null && own;
  const patient = wholePatient(of);
  const isReady = toStudy || (patient.patient_name !== '' && patient.patient_id !== '');
  const send = () => {
    const filled = Object.entries(patient).filter(([, value]) => value !== '');
    sendPapers(files, toStudy ? { study: study.study_instance_uid } : { batch: newBatch(), ...Object.fromEntries(filled) });
    onSent();
  };
  return (
    <Paper withBorder p="md" component="section" aria-label={t('papers.title')} className={classes.panel}>
      <Stack gap="sm">
        <Title order={3} size="h5">
          {t('papers.title')}
        </Title>
        <ul className={classes.papers}>
          {files.map((file, index) => (
            <li key={`${file.name}/${index}`}>
              <span>{file.name}</span>
              <Text span size="xs" c="dimmed">
                {bytesText(file.size)}
              </Text>
              <ActionIcon variant="subtle" color="gray" aria-label={t('papers.remove', { name: file.name })} onClick={() => onRemove(file)}>
                ×
              </ActionIcon>
            </li>
          ))}
        </ul>
        {study !== null && (
          <Radio.Group value={own ? 'study' : 'new'} onChange={(value) => setOwn(value === 'study')} label={t('papers.whose')}>
            <Stack gap={4} mt={4}>
              <Radio value="study" label={<ToStudy study={study} />} />
              <Radio value="new" label={t('papers.new')} />
            </Stack>
          </Radio.Group>
        )}
        {!toStudy && (
          <>
            <Text size="sm">{t('papers.hint')}</Text>
            <ParticularsForm of={of} onChange={setOf} only="patient" />
            <ConfirmationLine of={of} />
          </>
        )}
        <Group justify="flex-end">
          <Button disabled={!isReady} onClick={send}>
            {t('papers.send', { n: files.length })}
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}

function ToStudy({ study }: { study: AskStudy }) {
  const { t } = useTranslation();
  const examText = useExamText();
  const detail = useStudy(study.org, study.study_instance_uid);
  return (
    <span>
      {t('papers.toStudy')} {detail.data !== undefined && <Patient patient={detail.data} />}{' '}
      {detail.data !== undefined && `${examText(detail.data)} · ${dicomDate(detail.data.study_date)}`}
    </span>
  );
}
