/** The other reading of the same images: second opinions on this report, or the report that this is a second opinion on. */
import { Anchor, Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { isAnswered } from '../ui/consultState';
import { Chip } from '../ui/Chip';
import { StateChip } from '../ui/StateChip';
import { useFormat } from '../ui/useFormat';
import { seconds, type Comparison, type Second } from './api';
import { CompareDialog } from './CompareDialog';
import classes from './Second.module.css';

export function SecondOpinions({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const [comparing, setComparing] = useState(false);
  const answered = isAnswered(consult.state) || consult.amendment !== null;
  const list = useQuery({ queryKey: keys.seconds(consult.id), queryFn: () => seconds.of(consult.id), enabled: answered });
  const found = list.data?.consults ?? [];
  const of = consult.second_of;
  if (found.length === 0 && of === null) return null;
  return (
    <Paper withBorder p="md" component="section" className={classes.panel} aria-label={t('second.title')}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {t('second.title')}
        </Title>
        {of !== null && (
          <>
            <Text size="sm">
              {t('second.of')}{' '}
              <Anchor component={Link} to={`/cases/${of.consult}`} size="sm">
                {of.number}
              </Anchor>
              {of.first === 'hidden' && ` · ${t('second.hidden')}`}
            </Text>
            {of.comparison !== null && <Compared comparison={of.comparison} />}
            {consult.allowed.includes('compare') && (
              <Group justify="flex-end">
                <Button size="xs" variant={of.comparison === null ? 'filled' : 'default'} onClick={() => setComparing(true)}>
                  {t('consult.action.compare')}
                </Button>
              </Group>
            )}
          </>
        )}
        {found.map((second) => (
          <One key={second.id} second={second} />
        ))}
      </Stack>
      {comparing && <CompareDialog consult={consult} onClose={() => setComparing(false)} />}
    </Paper>
  );
}

function One({ second }: { second: Second }) {
  const { t } = useTranslation();
  return (
    <div data-testid="second">
      <Group gap="xs">
        <Anchor component={Link} to={`/cases/${second.id}`} size="sm">
          {second.number}
        </Anchor>
        <Text size="sm">
          {second.reading.name}
          {second.reader !== null && ` · ${second.reader.name}`}
        </Text>
        <StateChip state={second.state} />
      </Group>
      {second.diagnosis !== null && (
        <Text size="sm" className={classes.words}>
          {t('second.says', { diagnosis: second.diagnosis })}
        </Text>
      )}
      {second.comparison !== null && <Compared comparison={second.comparison} />}
    </div>
  );
}

function Compared({ comparison }: { comparison: Comparison }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { agreement, comment, by, at } = comparison;
  return (
    <div>
      <Chip tone={agreement === 'agrees' ? 'active' : 'quiet'}>{t(`second.agreement.${agreement}`)}</Chip>{' '}
      <Text size="sm" component="span" className={classes.words}>
        {comment}
      </Text>
      <Text size="xs" c="dimmed">
        {by?.name} {format.moment(at)}
      </Text>
    </div>
  );
}
