/** Which template the report is written by: those for the examination first. */
import { Select } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { templates, type ListedTemplate, type Template } from './api';
import { begun, isFor, lostBy, type Filled } from './fill';
import { useTemplateList, useWords } from './useTemplates';

interface Props {
  modalities: readonly string[];
  isSlide: boolean;
  filled: Filled;
  onWrite: (part: Partial<Filled>) => void;
}

/** A template that was chosen, and would take something away. */
interface Asked {
  template: Template | null;
}

export function TemplateSelect({ modalities, isSlide, filled, onWrite }: Props) {
  const { t } = useTranslation();
  const word = useWords();
  const list = useTemplateList();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [error, setError] = useState<unknown>(null);
  // Words go on being typed while an edition is fetched.
  const newest = useRef(filled);
  useEffect(() => {
    newest.current = filled;
  });
  const offered = (list.data?.templates ?? []).filter(({ withdrawn, version }) => !withdrawn && version > 0);
  const item = (one: ListedTemplate) => ({ value: one.id, label: word(one.title) });
  const fitting = offered.filter((one) => isFor(one, modalities, isSlide));
  const others = offered.filter((one) => !fitting.includes(one));
  // What is being written on stays chosen, also when it has been withdrawn since.
  const isKnown = filled.template === null || offered.some(({ id }) => id === filled.template);

  const take = async (id: string | null) => {
    setError(null);
    const chosen = offered.find((one) => one.id === id);
    try {
      const template = chosen === undefined ? null : await templates.edition(chosen.id, chosen.version);
      const lost = lostBy(newest.current, template);
      if (lost.values + lost.sections.length > 0) setAsked({ template });
      else onWrite(begun(newest.current, template));
    } catch (failed) {
      setError(failed);
    }
  };
  const lost = asked === null ? null : lostBy(filled, asked.template);
  return (
    <>
      <Select
        label={t('templates.template')}
        placeholder={t('templates.freeText')}
        searchable
        clearable
        nothingFoundMessage={t('templates.nothingFound')}
        clearButtonProps={{ 'aria-label': t('templates.freeText') }}
        data={[
          { group: t('templates.forThis'), items: fitting.map(item) },
          { group: t('templates.others'), items: others.map(item) },
          ...(isKnown || filled.template === null ? [] : [{ group: t('templates.withdrawnGroup'), items: [{ value: filled.template, label: filled.template }] }]),
        ]}
        value={filled.template_version === null ? null : filled.template}
        onChange={(id) => void take(id)}
      />
      {error !== null && <ErrorNotice error={error} />}
      {asked !== null && lost !== null && (
        <ConfirmDialog
          title={t('templates.changeTitle')}
          consequences={[t('templates.changeLoses', { values: lost.values, sections: lost.sections.length })]}
          confirm={t('templates.change')}
          onConfirm={async () => {
            await Promise.resolve();
            onWrite(begun(newest.current, asked.template));
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}
