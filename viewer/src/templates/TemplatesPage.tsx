/** Templates of the organisation, for its coordinator or administrator: what there is, and the one that is being written. */
import { Badge, Button, Group, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageBar } from '../ui/PageBar';
import { PageSkeleton } from '../ui/PageSkeleton';
import { templateKeys, templates, type ListedTemplate, type Template } from './api';
import { copyOf, newSection } from './edit';
import { PhrasesDialog } from './PhrasesDialog';
import { TemplateDesk } from './TemplateDesk';
import classes from './Templates.module.css';
import { useTemplateList, useWords } from './useTemplates';

export default function TemplatesPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const list = useTemplateList();
  const [dialog, setDialog] = useState<'phrases' | 'new' | null>(null);
  if (!hasRole(me, 'administrator', 'coordinator')) return <EmptyState title={t('problem.forbidden')} />;
  const chosen = address.get('id');
  const choose = (id: string) => setAddress({ id }, { replace: true });
  return (
    <>
      <PageBar
        actions={
          <>
            <Button variant="default" onClick={() => setDialog('phrases')}>
              {t('phrases.organisation')}
            </Button>
            <Button onClick={() => setDialog('new')}>{t('templates.new')}</Button>
          </>
        }
      >
        <Text fw={600}>{t('templates.title')}</Text>
        <span>{me.organisation.name}</span>
      </PageBar>
      <div className={classes.desk}>
        <nav className={classes.list} aria-label={t('templates.title')}>
          {list.isPending && <PageSkeleton rows={6} />}
          {list.isError && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />}
          {list.data?.templates.map((one) => (
            <Item key={one.id} template={one} isChosen={one.id === chosen} onChoose={() => choose(one.id)} />
          ))}
        </nav>
        {chosen === null ? <EmptyState title={t('templates.choose')} hint={t('templates.chooseHint')} /> : <Opened key={chosen} id={chosen} onMade={choose} />}
      </div>
      {dialog === 'phrases' && <PhrasesDialog whose="organisation" onClose={() => setDialog(null)} />}
      {dialog === 'new' && <NewTemplate from={null} onMade={choose} onClose={() => setDialog(null)} />}
    </>
  );
}

function Item({ template, isChosen, onChoose }: { template: ListedTemplate; isChosen: boolean; onChoose: () => void }) {
  const { t } = useTranslation();
  const word = useWords();
  return (
    <button type="button" className={classes.item} aria-current={isChosen} onClick={onChoose}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <span>{word(template.title)}</span>
        <Badge size="sm" variant="outline" color="gray" flex="none" tt="none">
          {template.withdrawn ? t('templates.withdrawn') : template.version === 0 ? t('templates.unpublished') : t('templates.edition', { n: template.version })}
        </Badge>
      </Group>
      <Text size="xs" c="dimmed">
        {[t(`templates.kind.${template.kind}`), template.modalities.join(' '), word(template.body_part), t(`templates.origin.${template.origin}`)]
          .filter((part) => part !== '')
          .join(' · ')}
      </Text>
    </button>
  );
}

function Opened({ id, onMade }: { id: string; onMade: (id: string) => void }) {
  const opened = useQuery({ queryKey: templateKeys.opened(id), queryFn: () => templates.open(id), refetchOnWindowFocus: false });
  const [copying, setCopying] = useState<Template | null>(null);
  if (opened.isError) return <ErrorNotice error={opened.error} onRetry={() => void opened.refetch()} />;
  if (opened.data === undefined) return <PageSkeleton rows={6} />;
  return (
    <>
      <TemplateDesk key={opened.data.record_version} opened={opened.data} onCopy={setCopying} />
      {copying !== null && <NewTemplate from={copying} onMade={onMade} onClose={() => setCopying(null)} />}
    </>
  );
}

/** Begins a template, empty or as a copy. */
function NewTemplate({ from, onMade, onClose }: { from: Template | null; onMade: (id: string) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const list = useTemplateList();
  const [id, setId] = useState(from === null ? '' : `${from.id}-2`.slice(0, 32));
  const [title, setTitle] = useState(from?.title.zh ?? '');
  const make = async () => {
    const empty: Template = {
      id,
      version: 0,
      title: { zh: title, en: '' },
      kind: 'radiology',
      modalities: [],
      body_part: { zh: '', en: '' },
      sections: [
        newSection('findings', t('report.findings')),
        newSection('diagnosis', t('report.diagnosis')),
        newSection('recommendation', t('report.recommendation')),
      ],
    };
    await templates.put(from === null ? empty : copyOf(from, id, title), 0);
    await list.refetch();
    onMade(id);
  };
  return (
    <ConfirmDialog
      title={t(from === null ? 'templates.new' : 'templates.copy')}
      consequences={[t('templates.newNote')]}
      confirm={t('templates.begin')}
      ready={id !== '' && title.trim() !== ''}
      onConfirm={make}
      onClose={onClose}
    >
      <TextInput label={t('templates.name')} required data-autofocus value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
      <TextInput label={t('templates.id')} description={t('templates.idHint')} required value={id} onChange={(event) => setId(event.currentTarget.value.toLowerCase())} />
    </ConfirmDialog>
  );
}
