/** Opens the same study in OHIF, in a window of its own; nothing where the node has no OHIF. */
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { useMe } from '../session/useMe';
import { ohifAddress } from './addresses';

interface Props {
  study: Pick<Study, 'study_instance_uid'>;
  mode: 'viewer' | 'microscopy';
}

export function OhifButton({ study, mode }: Props) {
  const { t } = useTranslation();
  const me = useMe();
  if (!me.has_ohif) return null;
  return (
    <Button variant="default" component="a" href={ohifAddress(study, mode)} target="_blank" rel="noopener">
      {t('studies.ohif')}
    </Button>
  );
}
