/** Words that did not reach the server and may not be written on here: to copy, until they are written on or let go. */
import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReportDraft } from '../api/types';
import type { ReportWords } from '../consult/useReportWords';
import { useMe } from '../session/useMe';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { rawWords } from './rawWords';
import { forgetUnsent, unsentKey, unsentText, watchUnsent, wordsOf } from './unsent';
import { whole } from './useReport';

/** The words that this browser keeps of a report, as plain text; empty when the server has them all. */
export function useKeptWords(consultId: string, onServer: ReportDraft | null, words: ReportWords): string {
  const key = unsentKey(consultId, useMe().person.id);
  const text = useSyncExternalStore(watchUnsent, () => unsentText(key));
  return useMemo(() => {
    const kept = text === null ? null : ((JSON.parse(text) as { report?: ReportDraft }).report ?? null);
    if (kept === null || wordsOf(kept) === wordsOf(onServer)) return '';
    return rawWords(whole(kept), words)
      .map(([label, part]) => `${label}\n${part}`)
      .join('\n\n');
  }, [text, onServer, words]);
}

export function KeptWords({ consultId, text }: { consultId: string; text: string }) {
  const { t } = useTranslation();
  const key = unsentKey(consultId, useMe().person.id);
  const field = useRef<HTMLTextAreaElement>(null);
  const [copied, setCopied] = useState(false);
  const [forgetting, setForgetting] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // Without TLS browsers give no clipboard: the person copies by hand.
      field.current?.select();
    }
  };
  return (
    <Stack gap="xs">
      <Text size="sm">{t('reading.lost.hint')}</Text>
      <Textarea ref={field} aria-label={t('reading.lost.words')} value={text} readOnly autosize minRows={2} maxRows={12} />
      <Group justify="flex-end">
        <Button size="xs" variant="default" onClick={() => setForgetting(true)}>
          {t('reading.lost.forget')}
        </Button>
        <Button size="xs" onClick={() => void copy()}>
          {t(copied ? 'reading.lost.copied' : 'reading.lost.copy')}
        </Button>
      </Group>
      {forgetting && (
        <ConfirmDialog
          title={t('reading.lost.forget')}
          consequences={[t('reading.lost.forgetSure')]}
          confirm={t('reading.lost.forget')}
          final
          onConfirm={() => {
            forgetUnsent(key);
            return Promise.resolve();
          }}
          onClose={() => setForgetting(false)}
        />
      )}
    </Stack>
  );
}
