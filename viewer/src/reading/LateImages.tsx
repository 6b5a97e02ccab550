/** Images that arrived after the question was sent: nothing is signed over them before the reader has taken them in. */
import { Alert, Button, Group, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { rememberConsult, type ActOn } from '../consult/useConsult';
import { ErrorNotice } from '../ui/ErrorNotice';

const refresh_ms = 30_000;
/** Where something can still be signed. */
const asked: readonly Consult['state'][] = ['assigned', 'reading', 'preliminary', 'returned', 'amending'];

export function LateImages({ consult, actOn }: { consult: Consult; actOn: ActOn }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const found = useQuery({ queryKey: keys.lateImages(consult.id), queryFn: () => consults.lateImages(consult.id), refetchInterval: refresh_ms, enabled: asked.includes(consult.state) });
  const accept = useMutation({
    mutationFn: () => actOn((version) => consults.act(consult.id, 'accept_images', version)),
    onSuccess: (next) => {
      rememberConsult(cache, next);
      void cache.invalidateQueries({ queryKey: keys.lateImages(consult.id) });
      void cache.invalidateQueries({ queryKey: keys.study(consult.study.org, consult.study.study_instance_uid) });
    },
  });
  const series = asked.includes(consult.state) ? found.data?.series : undefined;
  const count = series?.reduce((sum, { instances }) => sum + instances, 0) ?? 0;
  if (count === 0) return null;
  return (
    <Alert color="yellow" variant="outline" title={t('consult.late.title', { n: count })} data-testid="late-images">
      <Text size="sm">{t('consult.late.hint')}</Text>
      {accept.isError && <ErrorNotice error={accept.error} />}
      {consult.allowed.includes('accept_images') && (
        <Group justify="flex-end" mt="xs">
          <Button size="xs" loading={accept.isPending} onClick={() => accept.mutate()}>
            {t('consult.action.accept_images')}
          </Button>
        </Group>
      )}
    </Alert>
  );
}
