/** The instances of a series, small, for hiding or deleting single ones. */
import { Button, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { corrections, dicomweb } from '../api/endpoints';
import { keys } from '../api/queries';
import { jsonText } from '../ui/dicomJsonText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { CorrectionDialog } from './CorrectionDialog';
import classes from './Corrections.module.css';

interface Props {
  org: string;
  study: string;
  series: string;
  isImage: boolean;
}

const page = 60;

export function InstanceGrid({ org, study, series, isImage }: Props) {
  const { t } = useTranslation();
  const [limit, setLimit] = useState(page);
  const [chosen, setChosen] = useState<string[]>([]);
  const [open, setOpen] = useState<'hide' | 'delete' | null>(null);
  const list = useQuery({
    queryKey: [...keys.instances(org, study, series), limit],
    queryFn: () => dicomweb.instances(org, study, series, limit),
  });
  if (list.isPending) return <PageSkeleton rows={2} />;
  if (list.isError) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const all = list.data.map((row) => ({ uid: jsonText(row, '00080018'), number: jsonText(row, '00200013') }));
  const instances = chosen.filter((one) => all.some(({ uid }) => uid === one));
  const toggle = (one: string) =>
    setChosen(instances.includes(one) ? instances.filter((other) => other !== one) : [...instances, one]);
  const close = () => {
    setOpen(null);
    setChosen([]);
  };
  return (
    <>
      <div className={classes.instances}>
        {all.map(({ uid, number }) => (
          <label key={uid} className={classes.instance} data-chosen={instances.includes(uid) || undefined}>
            {isImage ? (
              <img src={dicomweb.thumbnail(org, study, series, uid)} alt="" loading="lazy" />
            ) : (
              <span className={classes.blank} aria-hidden />
            )}
            <Group gap={6} wrap="nowrap">
              <input type="checkbox" checked={instances.includes(uid)} onChange={() => toggle(uid)} />
              <Text size="xs">{t('corrections.instance', { n: number })}</Text>
            </Group>
          </label>
        ))}
      </div>
      <Group gap="xs" mt="xs">
        <Button size="compact-md" variant="default" disabled={instances.length === 0} onClick={() => setOpen('hide')}>
          {t('corrections.action.hideInstances', { n: instances.length })}
        </Button>
        <Button size="compact-md" variant="default" disabled={instances.length !== 1} onClick={() => setOpen('delete')}>
          {t('corrections.action.deleteInstance')}
        </Button>
        {all.length === limit && (
          <Button size="compact-md" variant="subtle" onClick={() => setLimit(limit + page)}>
            {t('common.more')}
          </Button>
        )}
      </Group>
      {open === 'hide' && (
        <CorrectionDialog
          title={t('corrections.action.hideInstances', { n: instances.length })}
          consequences={[t('corrections.effect.hide'), t('corrections.effect.hideLate'), t('corrections.effect.undo')]}
          confirm={t('corrections.do.hide')}
          code="quality"
          onConfirm={(reason) => corrections.make({ kind: 'hide', study, series: [], instances }, reason)}
          onClose={close}
        />
      )}
      {open === 'delete' && (
        <CorrectionDialog
          title={t('corrections.action.deleteInstance')}
          consequences={[t('corrections.effect.delete'), t('corrections.effect.deleteFinal'), t('corrections.effect.deleteAgain')]}
          confirm={t('corrections.do.delete')}
          code="other"
          final
          onConfirm={(reason) => corrections.delete({ study, series, instance: instances[0] }, reason)}
          onClose={close}
        />
      )}
    </>
  );
}
