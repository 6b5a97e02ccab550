/** Exports and collections for teaching and research: for which project, which studies, download or put; what lies where. */
import { Button, Checkbox, Group, Select, Table, Tabs, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Study } from '../api/types';
import { useStudies } from '../studies/useStudies';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { dicomDate } from '../ui/dicomText';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { Patient } from '../ui/Patient';
import { useExamText } from '../ui/useExamText';
import { useKeys } from '../ui/useKeys';
import { CollectionDialog } from './CollectionDialog';
import { deidentification, projectKeys, type Project } from './api';
import classes from './Deidentify.module.css';
import { ExportDialog } from './ExportDialog';
import { Placements } from './Placements';
import { ProjectDialog } from './ProjectDialog';

export default function DeidentifyPage() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: projectKeys, queryFn: deidentification.projects });
  const [wanted, setWanted] = useState<string | null>(null);
  const [chosen, setChosen] = useState<Study[]>([]);
  const [open, setOpen] = useState<'project' | 'close' | 'export' | 'collection' | null>(null);
  const [tab, setTab] = useState<'studies' | 'collections'>('studies');
  const free = open === null;
  const usable = (list.data?.projects ?? []).filter((project) => !project.is_closed);
  const project = usable.find(({ id }) => id === wanted) ?? usable[0];
  useKeys({ n: () => setOpen('project') }, free);
  useKeys({ 'Ctrl+Enter': () => setOpen('export') }, free && tab === 'studies' && project !== undefined && chosen.length > 0);
  const toggle = (study: Study) =>
    setChosen((before) =>
      before.some((one) => one.study_instance_uid === study.study_instance_uid)
        ? before.filter((one) => one.study_instance_uid !== study.study_instance_uid)
        : [...before, study],
    );
  return (
    <>
      <div className={pane.bar}>
        <Group gap="sm" justify="space-between">
          <Group gap="sm">
            {usable.length > 0 && (
              <Select
                aria-label={t('deidentify.project')}
                w={260}
                allowDeselect={false}
                data={usable.map(({ id, name }) => ({ value: id, label: name }))}
                value={project?.id ?? null}
                onChange={setWanted}
              />
            )}
            <Button variant="default" onClick={() => setOpen('project')}>
              {t('deidentify.newProject')}
            </Button>
            {project !== undefined && (
              <Button variant="subtle" color="gray" onClick={() => setOpen('close')}>
                {t('deidentify.close')}
              </Button>
            )}
          </Group>
          {tab === 'studies' && (
            <Group gap="sm">
              <Button variant="default" disabled={project === undefined || chosen.length === 0} onClick={() => setOpen('collection')}>
                {t('deidentify.into')}
              </Button>
              <Button disabled={project === undefined || chosen.length === 0} onClick={() => setOpen('export')}>
                {t('deidentify.export', { n: chosen.length })}
              </Button>
            </Group>
          )}
        </Group>
        <Tabs value={tab} onChange={(next) => setTab(next === 'collections' ? next : 'studies')} variant="pills" mt="xs">
          <Tabs.List aria-label={t('place.deidentify')}>
            {(['studies', 'collections'] as const).map((name) => (
              <Tabs.Tab key={name} value={name} className={pane.tab}>
                {t(`deidentify.tab.${name}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
      </div>
      <div className={pane.pane}>
        {list.isPending && <PageSkeleton />}
        {list.isError && list.data === undefined && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />}
        {tab === 'collections' && <Placements />}
        {tab === 'studies' && list.data !== undefined && project === undefined && (
          <EmptyState title={t('deidentify.noProject')} hint={t('deidentify.noProjectHint')}>
            <Button onClick={() => setOpen('project')}>{t('deidentify.newProject')}</Button>
          </EmptyState>
        )}
        {tab === 'studies' && project !== undefined && (
          <>
            <ProjectFacts project={project} />
            <Studies chosen={chosen} onToggle={toggle} />
          </>
        )}
      </div>
      {open === 'project' && (
        <ProjectDialog
          onMade={async (made) => {
            await cache.invalidateQueries({ queryKey: projectKeys });
            setWanted(made.id);
          }}
          onClose={() => setOpen(null)}
        />
      )}
      {open === 'close' && project !== undefined && (
        <ConfirmDialog
          title={t('deidentify.closeTitle', { name: project.name })}
          consequences={[t('deidentify.closeText'), t('deidentify.closeFinal')]}
          confirm={t('deidentify.close')}
          final
          onConfirm={() => deidentification.close(project.id).finally(() => cache.invalidateQueries({ queryKey: projectKeys }))}
          onClose={() => setOpen(null)}
        />
      )}
      {open === 'collection' && project !== undefined && (
        <CollectionDialog
          project={project}
          studies={chosen}
          onPut={() => {
            setChosen([]);
            setTab('collections');
          }}
          onClose={() => setOpen(null)}
        />
      )}
      {open === 'export' && project !== undefined && <ExportDialog project={project} studies={chosen} onClose={() => setOpen(null)} />}
    </>
  );
}

/** What stays and what goes in this project, in words. */
function ProjectFacts({ project }: { project: Project }) {
  const { t } = useTranslation();
  return (
    <section className={classes.facts} aria-label={t('deidentify.rules')}>
      <div>
        <strong>{t('deidentify.goes')}</strong> {t('deidentify.goesText')}
      </div>
      <div>
        <strong>{t('deidentify.stays')}</strong>{' '}
        {project.options.length === 0
          ? t('deidentify.staysNothing')
          : project.options.map((option) => t(`deidentify.option.${option}`)).join(t('common.listSeparator'))}
      </div>
      <div className={pane.quiet}>{t('deidentify.never')}</div>
    </section>
  );
}

function Studies({ chosen, onToggle }: { chosen: Study[]; onToggle: (study: Study) => void }) {
  const { t } = useTranslation();
  const examText = useExamText();
  const [search, setSearch] = useState('');
  const [q] = useDebouncedValue(search.trim(), 200);
  const found = useStudies({ q, limit: 50 });
  const own = (found.data?.studies ?? []).filter((study) => study.own);
  const isChosen = (study: Study) => chosen.some((one) => one.study_instance_uid === study.study_instance_uid);
  // Who is chosen stays in sight, whatever is searched for afterwards.
  const listed = [...chosen, ...own.filter((study) => !isChosen(study))];
  useKeys({ '/': () => document.getElementById('deidentify-search')?.focus() });
  return (
    <>
      <Group px="md" py="xs">
        <TextInput
          id="deidentify-search"
          type="search"
          w={320}
          aria-label={t('common.search')}
          placeholder={t('studies.search')}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Text size="sm" c="dimmed">
          {t('deidentify.ownOnly')}
        </Text>
      </Group>
      {found.isPending && <PageSkeleton rows={4} />}
      {found.isError && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
      {found.isSuccess && listed.length === 0 && <EmptyState title={t('deidentify.nothing')} />}
      {listed.length > 0 && (
        <Table className={pane.table} stickyHeader fz="sm" horizontalSpacing="sm" verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={44} />
              <Table.Th>{t('worklist.column.patient')}</Table.Th>
              <Table.Th>{t('studies.column.id')}</Table.Th>
              <Table.Th>{t('worklist.column.study')}</Table.Th>
              <Table.Th>{t('studies.column.date')}</Table.Th>
              <Table.Th>{t('studies.column.size')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {listed.map((study) => (
              <Table.Tr key={study.study_instance_uid} data-chosen={isChosen(study)} className={classes.row}>
                <Table.Td>
                  <Checkbox
                    aria-label={t('deidentify.choose', { name: study.patient_name, study: examText(study) })}
                    checked={isChosen(study)}
                    onChange={() => onToggle(study)}
                  />
                </Table.Td>
                <Table.Td>
                  <Patient patient={study} />
                </Table.Td>
                <Table.Td data-label={t('studies.column.id')}>{study.patient_id}</Table.Td>
                <Table.Td>{examText(study)}</Table.Td>
                <Table.Td className={pane.fixed}>{dicomDate(study.study_date)}</Table.Td>
                <Table.Td className={pane.fixed}>{t('studies.size', { series: study.series_count, instances: study.instance_count })}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </>
  );
}
