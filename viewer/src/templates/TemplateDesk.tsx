/** A template as its keeper sees it: editions, what may be done, the form to write it, and how a reader will see it. */
import { Alert, Button, Group, Select, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useFormat } from '../ui/useFormat';
import { templateKeys, templates, type OpenedTemplate, type Template } from './api';
import { begun, type Filled } from './fill';
import { TemplateEditor } from './TemplateEditor';
import { TemplateForm } from './TemplateForm';
import classes from './Templates.module.css';
import { useEdition } from './useTemplates';

interface Props {
  opened: OpenedTemplate;
  onCopy: (template: Template) => void;
}

const blank: Filled = { findings: '', diagnosis: '', recommendation: '', template: null, template_version: null, values: {}, sections: {} };

export function TemplateDesk({ opened, onCopy }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const cache = useQueryClient();
  const [draft, setDraft] = useState<Template | null>(opened.draft);
  /** Which edition is looked at; `null`: what is being written. */
  const [looked, setLooked] = useState<number | null>(opened.draft === null ? opened.version : null);
  const edition = useEdition(looked === null ? null : opened.id, looked);
  const shown = looked === null ? draft : (edition.data ?? null);
  const isChanged = draft !== opened.draft;

  const remember = (next: OpenedTemplate) => {
    cache.setQueryData(templateKeys.opened(next.id), next);
    void cache.invalidateQueries({ queryKey: templateKeys.list, exact: true });
  };
  const save = async (): Promise<OpenedTemplate> => (draft !== null && isChanged ? templates.put(draft, opened.record_version) : opened);
  const act = useMutation({
    mutationFn: async (what: 'save' | 'publish' | 'withdraw' | 'offer') => {
      if (what === 'withdraw' || what === 'offer') return templates.turn(opened.id, what, opened.record_version);
      const saved = await save();
      return what === 'save' ? saved : templates.turn(opened.id, what, saved.record_version);
    },
    onSuccess: remember,
  });

  return (
    <div className={classes.editor}>
      <div className={classes.editorForm}>
        <Stack gap="md">
          <Group justify="space-between" align="end">
            <Select
              label={t('templates.shown')}
              allowDeselect={false}
              w={260}
              data={[
                ...(opened.draft === null ? [] : [{ value: '', label: t('templates.beingWritten') }]),
                ...[...opened.editions].reverse().map(({ version, at, by }) => ({
                  value: String(version),
                  label: [t('templates.edition', { n: version }), at === null ? '' : format.moment(at), by?.name ?? ''].filter((part) => part !== '').join(' · '),
                })),
              ]}
              value={looked === null ? '' : String(looked)}
              onChange={(value) => setLooked(value === null || value === '' ? null : Number(value))}
            />
            <Group gap="xs">
              {shown !== null && (
                <Button variant="default" onClick={() => onCopy(shown)}>
                  {t('templates.copy')}
                </Button>
              )}
              {opened.version > 0 && (
                <Button variant="default" disabled={isChanged} loading={act.isPending} onClick={() => act.mutate(opened.withdrawn ? 'offer' : 'withdraw')}>
                  {t(opened.withdrawn ? 'templates.offer' : 'templates.withdraw')}
                </Button>
              )}
              {looked === null && (
                <>
                  <Button variant="default" disabled={!isChanged} loading={act.isPending} onClick={() => act.mutate('save')}>
                    {t('common.save')}
                  </Button>
                  <Button loading={act.isPending} onClick={() => act.mutate('publish')}>
                    {t('templates.publish', { n: opened.version + 1 })}
                  </Button>
                </>
              )}
            </Group>
          </Group>
          {act.isError && <ErrorNotice error={act.error} />}
          {opened.origin === 'program' && (
            <Alert color="gray" variant="outline">
              {t('templates.programNote')}
            </Alert>
          )}
          {looked !== null && edition.isError && <ErrorNotice error={edition.error} />}
          {looked === null && draft !== null && <TemplateEditor template={draft} onChange={setDraft} />}
          {looked !== null && opened.origin === 'organisation' && <Text c="dimmed">{t('templates.editionNote')}</Text>}
        </Stack>
      </div>
      <section className={classes.editorPreview} aria-label={t('templates.preview')}>
        <Text size="xs" c="dimmed" mb="sm">
          {t('templates.previewHint')}
        </Text>
        {shown === null ? <PageSkeleton rows={4} /> : <Trial key={`${shown.id}/${looked ?? ''}`} template={shown} />}
      </section>
    </div>
  );
}

/** The form as a reader gets it, to be tried; nothing of it is kept. */
function Trial({ template }: { template: Template }) {
  const [filled, setFilled] = useState<Filled>(() => begun(blank, template));
  const write = (part: Partial<Filled>) => setFilled((before) => ({ ...before, ...part }));
  return (
    <Stack gap="sm">
      <TemplateForm template={template} filled={filled} writing={{ phrases: [], known: () => null, dictates: false, onWrite: write }} />
    </Stack>
  );
}
