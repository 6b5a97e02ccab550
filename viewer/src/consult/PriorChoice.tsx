/** Earlier studies of the same patient: ticked, they go along with the question. */
import { Checkbox, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useStudy } from '../reading/useStudy';
import { useStudies } from '../studies/useStudies';
import { dicomDate } from '../ui/dicomText';
import { useExamText } from '../ui/useExamText';
import type { AskStudy } from './askDraft';

interface Props {
  study: AskStudy;
  chosen: readonly string[];
  onChoose: (chosen: string[]) => void;
}

export function PriorChoice({ study, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  const examText = useExamText();
  const current = useStudy(study.org, study.study_instance_uid);
  const patient = current.data?.patient_id ?? '';
  const found = useStudies({ q: patient, limit: 50 });
  const offered = (found.data?.studies ?? []).filter(
    (one) =>
      patient !== '' && one.own && one.patient_id === patient && one.study_instance_uid !== study.study_instance_uid && one.instance_count > 0,
  );
  if (offered.length === 0) return null;
  const toggle = (uid: string) => onChoose(chosen.includes(uid) ? chosen.filter((one) => one !== uid) : [...chosen, uid]);
  return (
    <section aria-label={t('ask.priors')}>
      <Text size="sm" fw={600}>
        {t('ask.priors')}
      </Text>
      <Stack gap={6} mt={4}>
        {offered.map((one) => (
          <Checkbox
            key={one.study_instance_uid}
            label={`${examText(one)} ${dicomDate(one.study_date)}`}
            checked={chosen.includes(one.study_instance_uid)}
            onChange={() => toggle(one.study_instance_uid)}
          />
        ))}
      </Stack>
    </section>
  );
}
