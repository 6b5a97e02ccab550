/** What is done to an account, said before it happens; an invitation's link is shown this once. */
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { useFormat } from '../ui/useFormat';
import { people, type InvitationLink, type Person } from './api';
import { ShownOnce } from './ShownOnce';

export type AccountAct = 'invite' | 'disable' | 'enable' | 'endSessions' | 'resetSecondFactor';

interface Props {
  act: AccountAct;
  person: Person;
  onClose: () => void;
}

export function AccountDialog({ act, person, onClose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const cache = useQueryClient();
  const [link, setLink] = useState<InvitationLink | null>(null);
  const made = useRef(false);
  const work: Record<AccountAct, () => Promise<unknown>> = {
    invite: async () => {
      const invitation = await people.invite(person.id);
      made.current = true;
      setLink(invitation);
    },
    disable: () => people.setDisabled(person.id, true),
    enable: () => people.setDisabled(person.id, false),
    endSessions: () => people.endSessions(person.id),
    resetSecondFactor: () => people.resetSecondFactor(person.id),
  };
  if (link !== null) {
    return (
      <ShownOnce
        title={t('people.linkTitle', { name: person.name })}
        text={t('people.linkText', { at: format.moment(link.expires_at) })}
        label={t('people.link')}
        secret={link.link}
        onClose={onClose}
      />
    );
  }
  return (
    <ConfirmDialog
      title={t('people.actTitle', { act: t(`people.act.${act}`), name: person.name })}
      consequences={[t(`people.actText.${act}`)]}
      confirm={t(`people.act.${act}`)}
      final={act === 'disable' || act === 'resetSecondFactor'}
      onConfirm={() => work[act]().finally(() => cache.invalidateQueries({ queryKey: keys.people }))}
      // When an invitation is made its link comes next, so that only a dialog that was left closes.
      onClose={() => {
        if (!made.current) onClose();
      }}
    />
  );
}
