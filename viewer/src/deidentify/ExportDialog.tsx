/** Before an archive goes out: what does, what does not, why it is wanted; then the download. */
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { deidentification, type Project } from './api';
import { Outgoing, useOutgoing } from './Outgoing';

interface Props {
  project: Project;
  studies: Study[];
  onClose: () => void;
}

export function ExportDialog({ project, studies, onClose }: Props) {
  const { t } = useTranslation();
  const outgoing = useOutgoing(project, studies);
  const { wish } = outgoing;
  const download = async () => {
    if (wish === null) return;
    const made = await deidentification.ask(project.id, wish);
    window.location.assign(made.url);
  };
  return (
    <ConfirmDialog
      title={t('deidentify.exportTitle', { name: project.name })}
      size="xl"
      consequences={[t('deidentify.onRecord')]}
      confirm={t('deidentify.download')}
      ready={wish !== null}
      onConfirm={download}
      onClose={onClose}
    >
      <Outgoing outgoing={outgoing} studies={studies} sentence="deidentify.sum" />
    </ConfirmDialog>
  );
}
