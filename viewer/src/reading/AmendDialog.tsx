/** Opens a delivered report again, saying whether something is added or was wrong, and why. */
import { Radio, Stack, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import type { AmendmentKind, Consult } from '../api/types';
import { rememberConsult } from '../consult/useConsult';
import { ConfirmDialog } from '../ui/ConfirmDialog';

const kinds: readonly AmendmentKind[] = ['addendum', 'correction'];

export function AmendDialog({ consult, onClose }: { consult: Consult; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [kind, setKind] = useState<AmendmentKind>('addendum');
  const [reason, setReason] = useState('');
  return (
    <ConfirmDialog
      title={t('consult.amend.title')}
      consequences={[t('consult.amend.note')]}
      confirm={t('consult.action.amend')}
      ready={reason.trim() !== ''}
      onConfirm={async () => rememberConsult(cache, await consults.amend(consult.id, consult.version, { kind, reason: reason.trim() }))}
      onClose={onClose}
    >
      <Radio.Group
        label={t('consult.amend.kind')}
        value={kind}
        onChange={(chosen) => setKind(kinds.find((one) => one === chosen) ?? 'addendum')}
      >
        <Stack gap="xs" mt="xs">
          {kinds.map((one) => (
            <Radio key={one} value={one} label={t(`consult.amend.${one}`)} />
          ))}
        </Stack>
      </Radio.Group>
      <Textarea
        label={t('consult.amend.reason')}
        required
        autosize
        minRows={2}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </ConfirmDialog>
  );
}
