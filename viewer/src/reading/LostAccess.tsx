/** A case that may not be opened any more: why, and what was written of its report in this browser. */
import { Stack } from '@mantine/core';
import { useMemo } from 'react';
import { useReportWords } from '../consult/useReportWords';
import { ErrorNotice } from '../ui/ErrorNotice';
import { KeptWords, useKeptWords } from './KeptWords';

export default function LostAccess({ id, error, onRetry }: { id: string; error: Error; onRetry: () => void }) {
  const { findings, diagnosis, recommendation } = useReportWords({ slide_id: null });
  const words = useMemo(() => ({ findings, diagnosis, recommendation }), [findings, diagnosis, recommendation]);
  const kept = useKeptWords(id, null, words);
  return (
    <Stack gap="sm" p="md" data-testid="lost-access">
      <ErrorNotice error={error} onRetry={onRetry} />
      {kept !== '' && <KeptWords consultId={id} text={kept} />}
    </Stack>
  );
}
