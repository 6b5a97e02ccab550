/** How far the second opinion agrees with the first report. */
import { Radio, Stack, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { rememberConsult } from '../consult/useConsult';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { agreements, seconds, type Agreement } from './api';

export function CompareDialog({ consult, onClose }: { consult: Consult; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [agreement, setAgreement] = useState<Agreement | null>(consult.second_of?.comparison?.agreement ?? null);
  const [comment, setComment] = useState(consult.second_of?.comparison?.comment ?? '');
  const ready = agreement === 'agrees' || (agreement !== null && comment.trim() !== '');
  const confirm = async () => {
    if (agreement === null) return;
    rememberConsult(cache, await seconds.compare(consult.id, consult.version, agreement, comment.trim()));
    if (consult.second_of !== null) void cache.invalidateQueries({ queryKey: keys.seconds(consult.second_of.consult) });
  };
  return (
    <ConfirmDialog title={t('second.compareTitle')} consequences={[]} confirm={t('second.record')} ready={ready} onConfirm={confirm} onClose={onClose}>
      <Radio.Group label={t('second.agreementLabel')} value={agreement} onChange={(value) => setAgreement(agreements.find((one) => one === value) ?? null)}>
        <Stack gap="xs" mt="xs">
          {agreements.map((one) => (
            <Radio key={one} value={one} label={t(`second.agreement.${one}`)} />
          ))}
        </Stack>
      </Radio.Group>
      <Textarea
        label={t('second.comment')}
        required={agreement !== 'agrees'}
        autosize
        minRows={2}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
    </ConfirmDialog>
  );
}
