/** What this person was told, and how much of it is new. */
import { Button, Group, Indicator, Popover, Text, UnstyledButton } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Suspense, lazy, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { keys } from '../api/queries';
import { useFormat } from '../ui/useFormat';
import { notices, type Notice } from './api';
import classes from './Notices.module.css';

const refresh_ms = 60_000;
const shown = 50;

const SettingsDialog = lazy(() => import('./SettingsDialog').then(({ SettingsDialog: dialog }) => ({ default: dialog })));

export function Bell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.notices, queryFn: () => notices.list(shown), refetchInterval: refresh_ms });
  const [open, setOpen] = useState(false);
  const [settings, setSettings] = useState(false);
  const again = () => cache.invalidateQueries({ queryKey: keys.notices });
  const read = useMutation({ mutationFn: (id: string | null) => (id === null ? notices.readAll() : notices.read(id)), onSettled: again });
  const unread = list.data?.unread ?? 0;
  const follow = (notice: Notice) => {
    setOpen(false);
    if (!notice.is_read) read.mutate(notice.id);
    void navigate(notice.what === 'emergency' ? '/emergency' : `/cases/${notice.consult}`);
  };
  return (
    <>
      <Popover opened={open} onChange={setOpen} position="bottom-end" width={340} shadow="none" transitionProps={{ duration: 0 }} trapFocus>
        <Popover.Target>
          <UnstyledButton className={classes.bell} aria-label={unread > 0 ? t('notice.unread', { n: unread }) : t('notice.title')} aria-expanded={open} onClick={() => setOpen(!open)}>
            <Indicator label={unread > 99 ? '99+' : unread} size={16} disabled={unread === 0} color="red" offset={2}>
              <BellIcon />
            </Indicator>
          </UnstyledButton>
        </Popover.Target>
        <Popover.Dropdown className={classes.box} aria-label={t('notice.title')}>
          <Group justify="space-between" mb="xs">
            <Text fw={600}>{t('notice.title')}</Text>
            {unread > 0 && (
              <Button variant="subtle" size="compact-sm" onClick={() => read.mutate(null)}>
                {t('notice.readAll')}
              </Button>
            )}
          </Group>
          <ul className={classes.list}>
            {(list.data?.notices ?? []).map((notice) => (
              <NoticeLine key={notice.id} notice={notice} onFollow={() => follow(notice)} />
            ))}
          </ul>
          {list.data?.notices.length === 0 && (
            <Text c="dimmed" size="sm">
              {t('notice.none')}
            </Text>
          )}
          <Button
            variant="subtle"
            size="compact-sm"
            mt="xs"
            onClick={() => {
              setOpen(false);
              setSettings(true);
            }}
          >
            {t('notice.settings')}
          </Button>
        </Popover.Dropdown>
      </Popover>
      {settings && (
        <Suspense>
          <SettingsDialog onClose={() => setSettings(false)} />
        </Suspense>
      )}
    </>
  );
}

function NoticeLine({ notice, onFollow }: { notice: Notice; onFollow: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <li>
      <UnstyledButton className={classes.line} data-unread={!notice.is_read || undefined} data-alarm={notice.what.startsWith('critical') || notice.what === 'clock100' || undefined} onClick={onFollow}>
        <span className={classes.what}>{t(`notice.what.${notice.what}`)}</span>
        <span className={classes.about}>
          {notice.number} · {format.moment(notice.at)}
        </span>
      </UnstyledButton>
    </li>
  );
}

function BellIcon() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" strokeLinecap="round" aria-hidden>
      <path d="M4 14h12l-1.5-2.5V8.5a4.5 4.5 0 0 0-9 0v3z" />
      <path d="M8 16.5a2 2 0 0 0 4 0" />
    </svg>
  );
}
