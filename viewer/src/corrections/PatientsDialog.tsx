/** Two patient identifiers of one person: merged into one, or linked and both kept. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { corrections } from '../api/endpoints';
import type { NewCorrection, PatientKey, Study, StudyDetail } from '../api/types';
import { CorrectionDialog } from './CorrectionDialog';
import { isSamePatient } from './correctionFacts';
import { StudyPicker } from './StudyPicker';

interface Props {
  kind: 'merge' | 'link';
  study: StudyDetail;
  onClose: () => void;
}

const keyOf = (study: Study): PatientKey => ({ id: study.patient_id, issuer: study.patient_id_issuer });

export function PatientsDialog({ kind, study, onClose }: Props) {
  const { t } = useTranslation();
  const [other, setOther] = useState<Study | null>(null);
  const names = { from: `${study.patient_name} ${study.patient_id}`, into: other === null ? '…' : `${other.patient_name} ${other.patient_id}` };
  const correction = (chosen: Study): NewCorrection =>
    kind === 'merge'
      ? { kind: 'merge', from: keyOf(study), into: keyOf(chosen) }
      : { kind: 'link', one: keyOf(study), other: keyOf(chosen) };
  return (
    <CorrectionDialog
      title={t(`corrections.action.${kind}`)}
      consequences={[t(`corrections.effect.${kind}`, names), t('corrections.effect.undo')]}
      confirm={t(`corrections.do.${kind}`)}
      code="wrong_identity"
      ready={other !== null}
      naming={kind === 'merge' ? study.study_instance_uid : undefined}
      onConfirm={async (reason) => other !== null && corrections.make(correction(other), reason)}
      onClose={onClose}
    >
      <StudyPicker
        label={t(`corrections.pick.${kind}`)}
        chosen={other}
        fits={(one) => !isSamePatient(one, study)}
        onChoose={setOther}
      />
    </CorrectionDialog>
  );
}
