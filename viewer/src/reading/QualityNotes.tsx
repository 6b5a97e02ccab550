/** What colleagues found of a delivered report, and what its reader said to it. The requesting hospital has none of it. */
import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { useFormat } from '../ui/useFormat';

export function QualityNotes({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (consult.quality.length === 0) return null;
  return (
    <section aria-label={t('consult.quality.title')}>
      <Text size="sm" fw={600}>
        {t('consult.quality.title')}
      </Text>
      <Stack gap="xs">
        {consult.quality.map((review) => (
          <div key={review.at}>
            <Text size="sm">
              <strong>{t(`consult.quality.grades.${review.grade}`)}</strong> {review.comment}
            </Text>
            <Text size="xs" c="dimmed">
              {review.by?.name} {format.moment(review.at)} · {t('consult.quality.version', { n: review.report_version })}
            </Text>
            {review.response !== null && (
              <Text size="sm">
                {review.response.by?.name}：{review.response.text}
              </Text>
            )}
          </div>
        ))}
      </Stack>
    </section>
  );
}
