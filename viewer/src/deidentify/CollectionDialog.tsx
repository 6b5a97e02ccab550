/** Before studies go into a teaching collection: into which, what of them does, why. */
import { Select, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { collectionKeys, deidentification, placementKeys, type Project } from './api';
import { Outgoing, useOutgoing } from './Outgoing';

interface Props {
  project: Project;
  studies: Study[];
  onPut: () => void;
  onClose: () => void;
}

export function CollectionDialog({ project, studies, onPut, onClose }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const collections = useQuery({ queryKey: collectionKeys, queryFn: deidentification.collections });
  const [chosen, setChosen] = useState<string | null>(null);
  const outgoing = useOutgoing(project, studies);
  const all = collections.data?.collections ?? [];
  const only = all.length === 1 ? all[0]?.id : undefined;
  const collection = chosen ?? only ?? null;
  const leadsBack = project.options.includes('retain_uids');
  const { wish } = outgoing;
  const put = async () => {
    if (wish === null || collection === null) return;
    await deidentification.put(project.id, { ...wish, collection });
    await cache.invalidateQueries({ queryKey: placementKeys });
    onPut();
  };
  return (
    <ConfirmDialog
      title={t('deidentify.intoTitle', { name: project.name })}
      size="xl"
      consequences={[t('deidentify.intoText')]}
      confirm={t('deidentify.intoConfirm')}
      ready={wish !== null && collection !== null && !leadsBack}
      onConfirm={put}
      onClose={onClose}
    >
      <Stack gap="sm">
        {leadsBack && (
          <Text size="sm" c="yellow" role="alert">
            {t('deidentify.retainsUids')}
          </Text>
        )}
        {collections.isSuccess && all.length === 0 && (
          <Text size="sm" c="yellow" role="alert">
            {t('deidentify.noCollection')}
          </Text>
        )}
        <Select
          label={t('deidentify.intoWhere')}
          required
          placeholder={t('deidentify.purposeChoose')}
          data={all.map(({ id, name }) => ({ value: id, label: name }))}
          value={collection}
          onChange={setChosen}
        />
        <Outgoing outgoing={outgoing} studies={studies} sentence="deidentify.intoSum" />
      </Stack>
    </ConfirmDialog>
  );
}
