/** A study's patient and own attributes, typed anew or taken from the right patient's study. */
import { Button, Select, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { corrections, dicomweb } from '../api/endpoints';
import type { Study, StudyDetail } from '../api/types';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { CorrectionDialog } from './CorrectionDialog';
import { changedAttributes, identityOf, isSamePatient, patientOf, type Identity } from './correctionFacts';
import { StudyPicker } from './StudyPicker';
import { useCorrectionText } from './useCorrectionText';

const fields = ['ideographic', 'alphabetic', 'patientId', 'issuer', 'accession', 'description'] as const;
const lengths = { ideographic: 64, alphabetic: 64, patientId: 64, issuer: 64, accession: 16, description: 64 };

export function IdentityDialog({ study, onClose }: { study: StudyDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const correctionText = useCorrectionText();
  const org = study.organisation.id;
  const now = useQuery({
    queryKey: ['study', org, study.study_instance_uid, 'attributes'],
    queryFn: () => dicomweb.study(org, study.study_instance_uid),
  });
  const before = now.data === undefined ? null : identityOf(now.data);
  const [typed, setTyped] = useState<Identity | null>(null);
  const [picking, setPicking] = useState(false);
  const [picked, setPicked] = useState<Study | null>(null);
  const [pickError, setPickError] = useState<unknown>(null);
  const draft = typed ?? before;
  const changed = before === null || draft === null ? {} : changedAttributes(before, draft);
  const isChanged = Object.keys(changed).length > 0;
  const set = (part: Partial<Identity>) => draft !== null && setTyped({ ...draft, ...part });

  const take = async (other: Study) => {
    setPicked(other);
    setPickError(null);
    try {
      const theirs = await dicomweb.study(other.organisation.id, other.study_instance_uid);
      if (theirs !== undefined && before !== null) setTyped(patientOf(identityOf(theirs), draft ?? before));
    } catch (error) {
      setPickError(error);
    }
  };

  return (
    <CorrectionDialog
      title={t('corrections.action.identity')}
      consequences={[
        ...(isChanged ? [correctionText({ kind: 'identity', study: study.study_instance_uid, attributes: changed })] : []),
        t('corrections.effect.identity'),
        t('corrections.effect.undo'),
      ]}
      confirm={t('corrections.do.identity')}
      code="wrong_identity"
      ready={isChanged}
      naming={study.study_instance_uid}
      onConfirm={(reason) => corrections.make({ kind: 'identity', study: study.study_instance_uid, attributes: changed }, reason)}
      onClose={onClose}
    >
      {now.isError && <ErrorNotice error={now.error} onRetry={() => void now.refetch()} />}
      {draft === null && now.isPending && <PageSkeleton rows={4} />}
      {draft !== null && (
        <Stack gap="sm">
          {picking ? (
            <StudyPicker
              label={t('corrections.pickRight')}
              chosen={picked}
              fits={(other) => !isSamePatient(other, study)}
              onChoose={(other) => void take(other)}
            />
          ) : (
            <Button variant="light" onClick={() => setPicking(true)}>
              {t('corrections.takeFrom')}
            </Button>
          )}
          {pickError !== null && <ErrorNotice error={pickError} />}
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
            {fields.map((field) => (
              <TextInput
                key={field}
                label={t(`corrections.attribute.${field}`)}
                maxLength={lengths[field]}
                value={draft[field]}
                onChange={(event) => set({ [field]: event.currentTarget.value })}
              />
            ))}
            <TextInput
              type="date"
              label={t('corrections.attribute.birthDate')}
              value={dicomDate(draft.birthDate)}
              onChange={(event) => set({ birthDate: event.currentTarget.value.replaceAll('-', '') })}
            />
            <Select
              label={t('corrections.attribute.sex')}
              clearable
              data={(['M', 'F', 'O'] as const).map((value) => ({ value, label: t(`patient.sex.${value}`) }))}
              value={draft.sex === '' ? null : draft.sex}
              onChange={(sex) => set({ sex: sex ?? '' })}
            />
          </SimpleGrid>
        </Stack>
      )}
    </CorrectionDialog>
  );
}
