/** The question, and beside the images the report that answers it: to write, to review, or to read. */
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { CriticalList } from '../alarms/CriticalList';
import type { Consult, ReportDraft } from '../api/types';
import { Attachments } from '../consult/Attachments';
import { Questions } from '../consult/Questions';
import { useReportWords } from '../consult/useReportWords';
import { WaitNote } from '../consult/WaitNote';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { useFormat } from '../ui/useFormat';
import { KeyImages } from './KeyImages';
import { LateImages } from './LateImages';
import { useUnseenSlides } from './missing';
import { QualityNotes } from './QualityNotes';
import classes from './Reading.module.css';
import type { SaveState } from './reportDraft';
import type { Report, ReportText } from './useReport';

interface Props {
  consult: Consult;
  report: Report;
  editable: boolean;
  signs: 'sign' | 'review' | null;
  onSign: () => void;
}

const parts = ['findings', 'diagnosis', 'recommendation'] as const;
const required: readonly (keyof ReportText)[] = ['findings', 'diagnosis'];
const rows: Record<keyof ReportText, number> = { findings: 8, diagnosis: 4, recommendation: 3 };

export function ReportPane({ consult, report, editable, signs, onSign }: Props) {
  const { t } = useTranslation();
  const words = useReportWords(consult);
  const unseen = useUnseenSlides(consult);
  const writes = editable && report.other === null;
  const missing = required.filter((part) => report.text[part].trim() === '').map((part) => words[part]);
  return (
    <section className={classes.report} aria-label={t('report.title')}>
      <Stack gap="sm">
        <CriticalList consult={consult} />
        <Field label={t('consult.question')}>{consult.question}</Field>
        <Field label={t('consult.history')}>{consult.history}</Field>
        <Attachments consult={consult} onAdd={null} onRemove={null} />
        <WaitNote consult={consult} asksRequester={false} />
        <LateImages consult={consult} flush={report.flush} />
        <Questions consult={consult} />
        <QualityNotes consult={consult} />
        <AmendNote consult={consult} />
        <ReturnNote consult={consult} />
        {report.other !== null && <OtherWords report={report} other={report.other} words={words} />}
        {parts.map((part) =>
          writes ? (
            <Textarea
              key={part}
              label={words[part]}
              autosize
              minRows={rows[part]}
              value={report.text[part]}
              onChange={(event) => report.write({ [part]: event.currentTarget.value })}
            />
          ) : (
            <Field key={part} label={words[part]}>
              {report.text[part]}
            </Field>
          ),
        )}
        {consult.slide_id !== null && (
          <KeyImages consult={consult} chosen={report.keyImages} onChoose={writes ? report.chooseKeyImages : null} />
        )}
        {writes && <SaveLine state={report.state} />}
        {!editable && consult.allowed.includes('claim') && <Text c="dimmed">{t(consult.state === 'assigned' ? 'reading.assignedToYou' : 'reading.claimFirst')}</Text>}
      </Stack>
      {signs !== null && report.other === null && (
        <div className={classes.signBar}>
          {unseen.length > 0 && (
            <Text size="sm" role="status" data-testid="unseen-slides">
              {t('notes.notOpened', { what: unseen.join(t('common.listSeparator')) })}
            </Text>
          )}
          <Text size="sm" role="status">
            {missing.length > 0 ? t('reading.missing', { what: missing.join(t('common.listSeparator')) }) : t('reading.complete')}
          </Text>
          <Button onClick={onSign} disabled={missing.length > 0}>
            {t(`consult.action.${signs}`)}
          </Button>
        </div>
      )}
    </section>
  );
}

/** Words of this browser beside what the server holds: a person decides, nothing is lost before. */
function OtherWords({ report, other, words }: { report: Report; other: ReportDraft; words: Record<keyof ReportText, string> }) {
  const { t } = useTranslation();
  return (
    <Alert color="yellow" variant="outline" title={t('reading.overtaken.title')} data-testid="overtaken">
      <Stack gap="sm">
        <Text size="sm">{t('reading.overtaken.hint')}</Text>
        {parts
          .filter((part) => other[part].trim() !== '')
          .map((part) => (
            <Field key={part} label={t('reading.overtaken.mine', { part: words[part] })}>
              {other[part]}
            </Field>
          ))}
        <Group justify="flex-end">
          <Button size="xs" variant="default" onClick={report.chooseTheirs}>
            {t('reading.overtaken.keepServer')}
          </Button>
          <Button size="xs" onClick={report.chooseMine}>
            {t('reading.overtaken.keepMine')}
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}

/** A report that is amended says why. */
function AmendNote({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  if (consult.amendment === null) return null;
  const { kind, reason } = consult.amendment;
  return <strong>{t('reading.amending', { kind: t(`consult.amend.${kind}Short`), reason })}</strong>;
}

/** A returned report says why until it is signed again. */
function ReturnNote({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const returned = consult.timeline.findLast(({ state }, index) => {
    const before = consult.timeline[index - 1]?.state;
    return state === 'returned' || (state === 'amending' && before === 'preliminary');
  });
  const signedSince = consult.timeline.at(-1)?.state === 'preliminary';
  if (returned === undefined || signedSince) return null;
  return (
    <Field label={t('reading.returnedBecause', { who: returned.by?.name ?? '' })}>
      <strong>{returned.note}</strong>
    </Field>
  );
}

function SaveLine({ state }: { state: SaveState }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (state.kind === 'refused') return <ErrorNotice error={state.error} />;
  const words = {
    saved: state.kind === 'saved' && state.at !== null ? t('reading.saved', { at: format.time(state.at) }) : '',
    unsaved: t('reading.unsaved'),
    saving: t('reading.saving'),
    offline: t('reading.offline'),
    overtaken: '',
  }[state.kind];
  return (
    <Text size="xs" c="dimmed" className={classes.saveLine} data-testid="save-state" data-state={state.kind}>
      {words}
    </Text>
  );
}
