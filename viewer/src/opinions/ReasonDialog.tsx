/** Asks why. */
import { Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ConfirmDialog } from '../ui/ConfirmDialog';

interface Props {
  title: string;
  confirm: string;
  onConfirm: (reason: string) => Promise<unknown>;
  onClose: () => void;
}

export function ReasonDialog({ title, confirm, onConfirm, onClose }: Props) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  return (
    <ConfirmDialog title={title} consequences={[]} confirm={confirm} ready={reason.trim() !== ''} onConfirm={() => onConfirm(reason.trim())} onClose={onClose}>
      <Textarea label={t('opinion.reason')} required data-autofocus autosize minRows={2} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
    </ConfirmDialog>
  );
}
