/** The question, and beside the images the report that answers it: to write, to review, or to read. */
import { Button, Group, Stack, Switch, Text } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { CriticalList } from '../alarms/CriticalList';
import type { Consult, FrameKeyImage } from '../api/types';
import { Attachments } from '../consult/Attachments';
import { Questions } from '../consult/Questions';
import { useReportWords } from '../consult/useReportWords';
import { WaitNote } from '../consult/WaitNote';
import { OpinionsPane } from '../opinions/OpinionsPane';
import { SecondOpinions } from '../second/SecondOpinions';
import { useMe } from '../session/useMe';
import type { Template } from '../templates/api';
import { missingOf } from '../templates/fill';
import { PhraseArea } from '../templates/PhraseArea';
import { TemplateForm } from '../templates/TemplateForm';
import { TemplateSelect } from '../templates/TemplateSelect';
import { canDictate } from '../templates/useDictation';
import { useKnown } from '../templates/useKnown';
import { usePreferences } from '../templates/usePreferences';
import { usePhrases, useWords } from '../templates/useTemplates';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useFormat } from '../ui/useFormat';
import { FrameKeyImages } from './FrameKeyImages';
import { KeyImages } from './KeyImages';
import { LateImages } from './LateImages';
import { useUnseenSlides } from './missing';
import { OtherWords } from './OtherWords';
import { QualityNotes } from './QualityNotes';
import classes from './Reading.module.css';
import type { SaveState } from './reportDraft';
import { reportText } from './reportFocus';
import type { Report } from './useReport';

interface Props {
  consult: Consult;
  report: Report;
  /** By which it is written; `null` without one, or while it is fetched. */
  template: Template | null;
  templateError: Error | null;
  editable: boolean;
  signs: 'sign' | 'review' | null;
  onSign: () => void;
  onBeside: (what: 'prior' | 'page') => void;
  /** Opens it in a window of its own; `null` where it is in one, or cannot be. */
  onDetach: (() => void) | null;
  onOpenKeyImage: (image: FrameKeyImage) => void;
}

const parts = ['findings', 'diagnosis', 'recommendation'] as const;
const required: readonly (typeof parts)[number][] = ['findings', 'diagnosis'];
const rows: Record<(typeof parts)[number], number> = { findings: 8, diagnosis: 4, recommendation: 3 };

export function ReportPane({ consult, report, template, templateError, editable, signs, onSign, onBeside, onDetach, onOpenKeyImage }: Props) {
  const { t } = useTranslation();
  const words = useReportWords(consult);
  const unseen = useUnseenSlides(consult);
  const writes = editable && report.other === null;
  const word = useWords();
  const [preferences, prefer] = usePreferences(useMe().person.id);
  const lists = usePhrases(writes);
  const phrases = useMemo(() => [...(lists.data?.own.phrases ?? []), ...(lists.data?.organisation.phrases ?? [])], [lists.data]);
  const known = useKnown(consult, phrases);
  const writing = { phrases, known, dictates: preferences.dictates, onWrite: report.write };
  const isStructured = report.text.template_version !== null;
  const missing =
    template === null
      ? required.filter((part) => report.text[part].trim() === '').map((part) => words[part])
      : missingOf(template, report.text).map(({ section, field }) => word(field?.label ?? section.title));
  const isWaiting = isStructured && template === null;
  return (
    <section className={classes.report} aria-label={t('report.title')}>
      <Stack gap="sm">
        <CriticalList consult={consult} />
        <Group justify="flex-end" gap="xs">
          {onDetach !== null && (
            <Button size="xs" variant="default" onClick={onDetach}>
              {t('reportWindow.detach')}
            </Button>
          )}
          <Button size="xs" variant="default" onClick={() => onBeside('prior')} title={t('priors.key')}>
            {t('priors.title')}
          </Button>
        </Group>
        <Field label={t('consult.question')}>{consult.question}</Field>
        <Field label={t('consult.history')}>{consult.history}</Field>
        <Attachments consult={consult} onAdd={null} onRemove={null} />
        <WaitNote consult={consult} asksRequester={false} />
        <LateImages consult={consult} actOn={report.actOn} />
        <Questions consult={consult} />
        <OpinionsPane consult={consult} />
        <SecondOpinions consult={consult} />
        <QualityNotes consult={consult} />
        <AmendNote consult={consult} />
        <ReturnNote consult={consult} />
        {report.other !== null && <OtherWords report={report} other={report.other} words={words} />}
        {writes && <TemplateSelect modalities={consult.study.modalities} isSlide={consult.slide_id !== null} filled={report.text} onWrite={report.write} />}
        {templateError !== null && <ErrorNotice error={templateError} />}
        {isWaiting && templateError === null && <PageSkeleton rows={3} />}
        <Stack gap="sm" {...reportText}>
          {template !== null && <TemplateForm template={template} filled={report.text} writing={writes ? writing : null} />}
          {!isStructured &&
            parts.map((part) =>
              writes ? (
                <PhraseArea
                  key={part}
                  label={words[part]}
                  required={required.includes(part)}
                  minRows={rows[part]}
                  value={report.text[part]}
                  {...writing}
                  onWrite={(text) => report.write({ [part]: text })}
                />
              ) : (
                <Field key={part} label={words[part]}>
                  {report.text[part]}
                </Field>
              ),
            )}
        </Stack>
        {report.text.compared.length > 0 && (
          <Field label={t('priors.comparedWith')}>
            {report.text.compared.map(({ number, exam }) => t('priors.named', { date: dicomDate(exam.date), number })).join(t('common.listSeparator'))}
          </Field>
        )}
        {consult.slide_id === null ? (
          <FrameKeyImages consult={consult} chosen={report.keyImages} onChoose={writes ? report.chooseKeyImages : null} onOpen={onOpenKeyImage} />
        ) : (
          <KeyImages consult={consult} chosen={report.keyImages} onChoose={writes ? report.chooseKeyImages : null} />
        )}
        {writes && <SaveLine state={report.state} />}
        {writes && canDictate() && (
          <Switch
            size="xs"
            label={t('phrases.dictationSetting')}
            description={t('phrases.dictationNote')}
            checked={preferences.dictates}
            onChange={(event) => prefer({ dictates: event.currentTarget.checked })}
          />
        )}
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
          <Group gap="xs" wrap="nowrap">
            <Button variant="default" onClick={() => onBeside('page')} title={t('templates.pageKey')}>
              {t('templates.page')}
            </Button>
            <Button onClick={onSign} disabled={missing.length > 0 || isWaiting}>
              {t(`consult.action.${signs}`)}
            </Button>
          </Group>
        </div>
      )}
    </section>
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
  const returned = consult.timeline.findLast(({ state, by }, index) => {
    const before = consult.timeline[index - 1]?.state;
    // A reviewer who changes the text of an amendment has become its reader.
    return state === 'returned' || (state === 'amending' && before === 'preliminary' && by?.id !== consult.reader?.id);
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
  if (state.kind === 'refused') {
    return (
      <Stack gap={4}>
        <ErrorNotice error={state.error} />
        <Text size="sm">{t('reading.refusedKept')}</Text>
      </Stack>
    );
  }
  const words = {
    saved: state.kind === 'saved' && state.at !== null ? t('reading.saved', { at: format.time(state.at) }) : '',
    followed: t('reading.followed'),
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
