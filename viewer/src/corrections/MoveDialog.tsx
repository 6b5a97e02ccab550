/** Series that belong elsewhere: into another study, or into a new one of another patient. */
import { SegmentedControl, Stack } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { corrections, dicomweb } from '../api/endpoints';
import type { Study, StudyDetail } from '../api/types';
import { newUid } from '../api/uid';
import { CorrectionDialog } from './CorrectionDialog';
import { patientAttributes } from './correctionFacts';
import { StudyPicker } from './StudyPicker';

interface Props {
  study: StudyDetail;
  /** Which series. */
  series: string[];
  onClose: () => void;
}

const places = ['study', 'new'] as const;

export function MoveDialog({ study, series, onClose }: Props) {
  const { t } = useTranslation();
  const [place, setPlace] = useState<(typeof places)[number]>('study');
  const [target, setTarget] = useState<Study | null>(null);
  const to = target === null ? '…' : `${target.patient_name} ${target.patient_id}`;
  return (
    <CorrectionDialog
      title={t('corrections.moveTitle', { n: series.length })}
      consequences={[
        t(`corrections.effect.move.${place}`, { n: series.length, to }),
        t('corrections.effect.moveLate'),
        t('corrections.effect.undo'),
      ]}
      confirm={t('corrections.do.move')}
      code="wrong_identity"
      ready={target !== null}
      naming={study.study_instance_uid}
      onConfirm={async (reason) => {
        if (target === null) return;
        const is_new = place === 'new';
        const theirs = is_new ? await dicomweb.study(target.organisation.id, target.study_instance_uid) : undefined;
        const attributes = theirs === undefined ? {} : patientAttributes(theirs);
        const destination = is_new ? newUid() : target.study_instance_uid;
        await corrections.make({ kind: 'move', study: study.study_instance_uid, series, to: destination, attributes }, reason);
      }}
      onClose={onClose}
    >
      <Stack gap="sm">
        <SegmentedControl
          aria-label={t('corrections.movePlace')}
          data={places.map((value) => ({ value, label: t(`corrections.move.${value}`) }))}
          value={place}
          onChange={(value) => setPlace(value === 'new' ? 'new' : 'study')}
        />
        <StudyPicker
          label={t(`corrections.pick.${place}`)}
          chosen={target}
          fits={(one) => one.study_instance_uid !== study.study_instance_uid}
          onChoose={setTarget}
        />
      </Stack>
    </CorrectionDialog>
  );
}
