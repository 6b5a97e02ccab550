/** Tries rules out, also before they are kept: which would take this case, and whom it would go to now. */
import { Button, Group, Paper, Select, Stack, TagsInput, Text, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConsultKind, Ref, Urgency } from '../api/types';
import { ErrorNotice } from '../ui/ErrorNotice';
import { BodyPartSelect } from './BodyPartSelect';
import { assignment, type Facts, type Rule, type Trial } from './api';

const kinds: readonly ConsultKind[] = ['diagnosis', 'consultation'];
const urgencies: readonly Urgency[] = ['routine', 'urgent', 'emergency', 'frozen'];

interface Props {
  rules: Rule[];
  hospitals: readonly Ref[];
  onTried: (trial: Trial) => void;
}

export function TryPane({ rules, hospitals, onTried }: Props) {
  const { t } = useTranslation();
  const [facts, setFacts] = useState<Facts>({
    modalities: ['CT'],
    body_parts: [],
    description: '',
    question: '',
    kind: 'diagnosis',
    urgency: 'routine',
    requesting: hospitals[0]?.id ?? '',
  });
  const change = (part: Partial<Facts>) => setFacts({ ...facts, ...part });
  const attempt = useMutation({ mutationFn: () => assignment.try(facts, rules), onSuccess: onTried });
  if (rules.length === 0) return null;
  return (
    <Paper withBorder m="md" p="md" component="section" aria-label={t('assignment.try')}>
      <Stack gap="sm">
        <Title order={2} size="h5">
          {t('assignment.try')}
        </Title>
        <Group grow align="flex-end">
          <TagsInput label={t('assignment.modalities')} value={facts.modalities} onChange={(value) => change({ modalities: value })} />
          <BodyPartSelect value={facts.body_parts} onChange={(value) => change({ body_parts: value })} />
          <TextInput label={t('assignment.exam')} value={facts.description} onChange={(event) => change({ description: event.currentTarget.value })} />
          <TextInput label={t('consult.question')} value={facts.question} onChange={(event) => change({ question: event.currentTarget.value })} />
        </Group>
        <Group grow align="flex-end">
          <Select
            label={t('assignment.hospitals')}
            allowDeselect={false}
            data={hospitals.map(({ id, name }) => ({ value: id, label: name }))}
            value={facts.requesting}
            onChange={(value) => change({ requesting: value ?? '' })}
          />
          <Select
            label={t('assignment.urgencies')}
            allowDeselect={false}
            data={urgencies.map((value) => ({ value, label: t(`urgency.${value}`) }))}
            value={facts.urgency}
            onChange={(value) => change({ urgency: urgencies.find((one) => one === value) ?? 'routine' })}
          />
          <Select
            label={t('assignment.kinds')}
            allowDeselect={false}
            data={kinds.map((value) => ({ value, label: t(`kind.${value}`) }))}
            value={facts.kind}
            onChange={(value) => change({ kind: kinds.find((one) => one === value) ?? 'diagnosis' })}
          />
          <Button variant="default" loading={attempt.isPending} onClick={() => attempt.mutate()}>
            {t('assignment.run')}
          </Button>
        </Group>
        {attempt.isError && <ErrorNotice error={attempt.error} />}
        {attempt.data !== undefined && (
          <Text role="status" data-testid="trial">
            {attempt.data.rule === null
              ? t('assignment.noRule')
              : t('assignment.taken', { rule: attempt.data.rule, to: attempt.data.person?.name ?? t('assignment.target.pool') })}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
