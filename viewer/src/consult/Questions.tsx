/** What was asked about the report, and what was answered; and the requester's own decision. */
import { Paper, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Consult, Said } from '../api/types';
import { useFormat } from '../ui/useFormat';
import classes from './Consult.module.css';

export function Questions({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  if (consult.questions.length === 0 && consult.decision === null) return null;
  return (
    <Paper withBorder p="md" component="section" className={classes.panel} aria-label={t('consult.questions.title')}>
      <Stack gap="sm">
        {consult.questions.length > 0 && (
          <Title order={2} size="h4">
            {t('consult.questions.title')}
          </Title>
        )}
        {consult.questions.map(({ question, answer }) => (
          <div key={question.at}>
            <Words said={question} />
            {answer === null ? (
              <Text size="sm" c="dimmed">
                {t('consult.questions.open')}
              </Text>
            ) : (
              <Words said={answer} />
            )}
          </div>
        ))}
        {consult.decision !== null && (
          <>
            <Title order={2} size="h4">
              {t('consult.decision')}
            </Title>
            {[...consult.earlier_decisions, consult.decision].map((said) => (
              <Words key={said.at} said={said} />
            ))}
          </>
        )}
      </Stack>
    </Paper>
  );
}

function Words({ said }: { said: Said }) {
  const format = useFormat();
  return (
    <div className={classes.said}>
      <Text size="xs" c="dimmed">
        {said.by?.name} {format.moment(said.at)}
      </Text>
      <Text className={classes.words}>{said.text}</Text>
    </div>
  );
}
