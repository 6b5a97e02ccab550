/** A correction before it is made: what it will do, where it does not reach, and why it is made. */
import { Alert, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { corrections } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Reason, ReasonCode } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ReasonFields } from './ReasonFields';
import { useSeriesText } from './useSeriesText';
import { useRefresh } from './useCorrections';

interface Props {
  title: string;
  consequences: string[];
  confirm: string;
  code: ReasonCode;
  final?: boolean;
  ready?: boolean;
  /** The study whose content may still name the former patient. */
  naming?: string;
  children?: ReactNode;
  onConfirm: (reason: Reason) => Promise<unknown>;
  onClose: () => void;
}

export function CorrectionDialog({ title, consequences, confirm, code, final, ready = true, naming, children, onConfirm, onClose }: Props) {
  const refresh = useRefresh();
  const [reason, setReason] = useState<Reason>({ code, text: '' });
  const trimmed = { ...reason, text: reason.text.trim() };
  return (
    <ConfirmDialog
      title={title}
      consequences={consequences}
      confirm={confirm}
      final={final}
      ready={ready && trimmed.text !== ''}
      size="lg"
      // Also after a failure: it may have been made although the answer was lost.
      onConfirm={() => onConfirm(trimmed).finally(() => void refresh())}
      onClose={onClose}
    >
      <Stack gap="sm">
        {children}
        {naming !== undefined && <Naming study={naming} />}
        <ReasonFields reason={reason} onChange={setReason} />
      </Stack>
    </ConfirmDialog>
  );
}

/** Pixels and documents keep whatever name is in them. */
function Naming({ study }: { study: string }) {
  const { t } = useTranslation();
  const seriesText = useSeriesText();
  const naming = useQuery({ queryKey: keys.naming(study), queryFn: () => corrections.naming(study) });
  const series = naming.data?.series ?? [];
  if (naming.isError) return <Text size="sm">{t('corrections.naming.unknown')}</Text>;
  if (series.length === 0) return null;
  return (
    <Alert color="yellow" variant="outline" title={t('corrections.naming.title')}>
      <Stack gap={2}>
        {series.map((one) => (
          <Text key={one.series_instance_uid} size="sm">
            {seriesText(one)}{t('common.colon')}{one.kinds.map((kind) => t(`corrections.naming.${kind}`)).join(t('common.listSeparator'))}
          </Text>
        ))}
      </Stack>
    </Alert>
  );
}
