/** Whose desk this is, and the few settings that are theirs. */
import { Menu, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { session } from '../api/endpoints';
import { switchLanguage } from '../i18n';
import { account } from '../session/api';
import { useSoundWish } from '../alarms/useSound';
import { useDuties, useSetDuty } from '../assignment/useAssignment';
import { hasRole, useMe, worksOnConsults } from '../session/useMe';
import { usePreferences } from '../session/usePreferences';
import classes from './PersonMenu.module.css';

export function PersonMenu({ onShowKeys }: { onShowKeys: () => void }) {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const cache = useQueryClient();
  const sound = useSoundWish();
  const duties = useDuties(hasRole(me, 'reader'));
  const setDuty = useSetDuty();
  const mine = duties.data?.people.find(({ id }) => id === me.person.id);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { change } = usePreferences();

  const logOut = async () => {
    await session.logOut();
    cache.clear();
    window.location.assign('/');
  };

  // Lists and cases are another organisation's from here on: nothing of this page may stay.
  const actFor = async (organisation: string) => {
    await account.actFor(organisation);
    cache.clear();
    window.location.assign('/');
  };

  return (
    <Menu position="bottom-end" width={220} shadow="none">
      <Menu.Target>
        <UnstyledButton className={classes.person} aria-label={t('person.menu', { name: me.person.name })}>
          <span className={classes.organisation}>{me.organisation.name}</span>
          <span className={classes.name}>{me.person.name}</span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.organisation.name}
          {me.person.title !== '' && ` · ${me.person.title}`}
        </Menu.Label>
        {me.organisations
          .filter(({ id }) => id !== me.organisation.id)
          .map(({ id, name }) => (
            <Menu.Item key={id} onClick={() => void actFor(id)}>
              {t('person.actFor', { name })}
            </Menu.Item>
          ))}
        <Menu.Item component={Link} to="/account">
          {t('place.account')}
        </Menu.Item>
        <Menu.Item onClick={() => void switchLanguage(i18n.language === 'zh' ? 'en' : 'zh')}>
          {t('app.otherLanguage')}
        </Menu.Item>
        <Menu.Item
          onClick={() => {
            const theme = colorScheme === 'dark' ? 'light' : 'dark';
            setColorScheme(theme);
            change({ theme });
          }}
        >
          {colorScheme === 'dark' ? t('person.light') : t('person.dark')}
        </Menu.Item>
        {mine !== undefined && (
          <Menu.Item onClick={() => setDuty.mutate({ person: mine.id, duty: mine.duty === 'on' ? 'off' : 'on' })}>
            {t(mine.duty === 'on' ? 'person.goOffDuty' : 'person.goOnDuty')}
          </Menu.Item>
        )}
        {worksOnConsults(me) && (
          <Menu.Item onClick={() => sound.turn(!sound.isOn)}>
            {t(sound.isOn ? 'critical.soundOff' : 'critical.soundOn')}
          </Menu.Item>
        )}
        <Menu.Item onClick={onShowKeys}>{t('person.keys')}</Menu.Item>
        <Menu.Item component={Link} to="/verify">
          {t('place.verify')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void logOut()}>{t('person.logOut')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
