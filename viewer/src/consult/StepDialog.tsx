/** Asks for the words of a step: why, what is wanted, a question, an answer. */
import { useTranslation } from 'react-i18next';
import type { ReasonedAction } from '../api/endpoints';
import { ReasonDialog } from './ReasonDialog';

/** Steps whose words may be left out. */
const optional: readonly ReasonedAction[] = ['cancel', 'resume'];

interface Props {
  /** `null`: nothing is asked. */
  action: ReasonedAction | null;
  onClose: () => void;
  onConfirm: (action: ReasonedAction, reason: string) => void;
}

export function StepDialog({ action, onClose, onConfirm }: Props) {
  const { t } = useTranslation();
  if (action === null) return null;
  return (
    <ReasonDialog
      key={action}
      opened
      title={t(`consult.dialog.${action}.title`)}
      label={t(`consult.dialog.${action}.label`)}
      confirm={t(`consult.action.${action}`)}
      required={!optional.includes(action)}
      onClose={onClose}
      onConfirm={(reason) => onConfirm(action, reason)}
    />
  );
}
