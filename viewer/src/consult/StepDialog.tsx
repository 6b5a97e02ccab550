/** Asks for the words of a step: why, what is wanted, a question, an answer. They stay until the server has them. */
import { Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReasonedAction } from '../api/endpoints';
import { ConfirmDialog } from '../ui/ConfirmDialog';

/** Steps whose words may be left out. */
const optional: readonly ReasonedAction[] = ['cancel', 'resume', 'take_over'];
/** What follows from a step, where its words do not say it. */
const consequences = { take_over: ['takeOver.reader', 'takeOver.signature', 'takeOver.another'] } as const;

interface Props {
  action: ReasonedAction;
  onClose: () => void;
  onConfirm: (reason: string) => Promise<unknown>;
}

function OpenDialog({ action, onClose, onConfirm }: Props) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const required = !optional.includes(action);
  return (
    <ConfirmDialog
      title={t(`consult.dialog.${action}.title`)}
      consequences={action in consequences ? consequences[action as keyof typeof consequences].map((key) => t(key)) : []}
      confirm={t(`consult.action.${action}`)}
      ready={!required || reason.trim() !== ''}
      onConfirm={() => onConfirm(reason.trim())}
      onClose={onClose}
    >
      <Textarea
        label={t(`consult.dialog.${action}.label`)}
        required={required}
        data-autofocus
        autosize
        minRows={2}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </ConfirmDialog>
  );
}

/** `null`: nothing is asked. */
export function StepDialog({ action, onClose, onConfirm }: Omit<Props, 'action' | 'onConfirm'> & { action: ReasonedAction | null; onConfirm: (action: ReasonedAction, reason: string) => Promise<unknown> }) {
  if (action === null) return null;
  return <OpenDialog key={action} action={action} onClose={onClose} onConfirm={(reason) => onConfirm(action, reason)} />;
}
