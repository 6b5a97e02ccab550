/** Opens what was said about a case, and says how much of it is new. */
import { Button, Drawer } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { hasRole, useMe } from '../session/useMe';
import { ConversationPane } from './ConversationPane';
import classes from './Messages.module.css';
import { useUnread } from './useMessages';

export function MessagesButton({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const me = useMe();
  const unread = useUnread();
  const [open, setOpen] = useState(false);
  const isParty = [consult.requesting.id, consult.reading.id].includes(me.organisation.id);
  if (consult.submitted_at === null || !isParty || !hasRole(me, 'requester', 'reader', 'reviewer', 'coordinator')) return null;
  const n = unread.data?.consults.find((one) => one.consult === consult.id)?.unread ?? 0;
  return (
    <>
      <Button
        variant="default"
        onClick={() => setOpen(true)}
        rightSection={n > 0 ? <span className={classes.count}>{n}</span> : undefined}
        aria-label={n > 0 ? t('message.openUnread', { n }) : t('message.open')}
      >
        {t('message.open')}
      </Button>
      <Drawer
        opened={open}
        onClose={() => setOpen(false)}
        position="right"
        size="md"
        title={t('message.title', { number: consult.number })}
        closeButtonProps={{ 'aria-label': t('common.close') }}
        transitionProps={{ duration: 0 }}
        overlayProps={{ backgroundOpacity: 0.15 }}
        classNames={{ body: classes.body ?? '' }}
      >
        <ConversationPane consult={consult} />
      </Drawer>
    </>
  );
}
