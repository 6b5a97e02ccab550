/** Brightness, contrast and gamma of this screen, the person's own; and colours by the slide's ICC profile. */
import { Button, Popover, Slider, Stack, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, useLayoutEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { slides } from '../../api/endpoints';
import { keys } from '../../api/queries';
import { useMe } from '../../session/useMe';
import { useShared } from '../useShared';
import { Icon } from '../icons';
import { usePane, usePaneKeys } from '../stage/pane';
import { InSlot } from '../stage/slots';
import { Tool } from '../Tool';
import { filterOf, isAltered, pictureRanges, sound, unaltered, type PictureSettings } from './picture';
import classes from './Picture.module.css';

const names = ['brightness', 'contrast', 'gamma'] as const;

export function PictureTools() {
  const { t } = useTranslation();
  const { stage, look } = usePane();
  const me = useMe();
  const [kept, keep] = useShared<unknown>(`farsight.slide.picture.${me.person.id}`, unaltered);
  const settings = sound(kept);
  const gammaId = useId();
  const filter = filterOf(settings, gammaId);
  useLayoutEffect(() => stage.setFilter(filter), [stage, filter]);
  const altered = isAltered(settings);
  usePaneKeys({ i: () => (altered ? keep(unaltered) : false) });

  return (
    <>
      <svg className={classes.definitions} aria-hidden="true">
        <filter id={gammaId} colorInterpolationFilters="sRGB">
          <feComponentTransfer>
            <feFuncR type="gamma" exponent={1 / settings.gamma} />
            <feFuncG type="gamma" exponent={1 / settings.gamma} />
            <feFuncB type="gamma" exponent={1 / settings.gamma} />
          </feComponentTransfer>
        </filter>
      </svg>
      <InSlot name="picture">
        <Popover width={280} position="bottom-end" shadow="none" withRoles trapFocus>
          <Popover.Target>
            <Tool name={t('slide.picture.title')} pressed={altered || look.srgb}>
              <Icon name="picture" />
            </Tool>
          </Popover.Target>
          <Popover.Dropdown>
            <Sliders settings={settings} onChange={keep} />
            <ProfileSwitch />
          </Popover.Dropdown>
        </Popover>
      </InSlot>
      {(altered || look.srgb) && (
        <div className={classes.notice} role="status">
          {altered && <span>{t('slide.picture.altered')}</span>}
          {look.srgb && <span>{t('slide.picture.derived')}</span>}
        </div>
      )}
    </>
  );
}

/** Mounted when somebody opens the box: only then the server is asked for a profile. */
function ProfileSwitch() {
  const { t } = useTranslation();
  const { slide, look, setLook } = usePane();
  const profile = useQuery({ queryKey: keys.slideProfile(slide.id), queryFn: () => slides.hasProfile(slide.id), staleTime: Infinity });
  return (
    <Switch
      mt="md"
      label={t('slide.picture.srgb')}
      description={t(profile.data === false ? 'slide.picture.noProfile' : 'slide.picture.srgbHint')}
      checked={look.srgb}
      disabled={profile.data !== true && !look.srgb}
      onChange={(event) => setLook({ ...look, srgb: event.currentTarget.checked })}
    />
  );
}

function Sliders({ settings, onChange }: { settings: PictureSettings; onChange: (settings: PictureSettings) => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        {t('slide.picture.hint')}
      </Text>
      {names.map((name) => (
        <div key={name}>
          <div className={classes.row}>
            <span>{t(`slide.picture.${name}`)}</span>
            <span>{settings[name].toFixed(2)}</span>
          </div>
          <Slider
            {...pictureRanges[name]}
            value={settings[name]}
            label={null}
            thumbLabel={t(`slide.picture.${name}`)}
            onChange={(value) => onChange({ ...settings, [name]: Number(value.toFixed(2)) })}
          />
        </div>
      ))}
      <Button variant="default" size="xs" disabled={!isAltered(settings)} onClick={() => onChange(unaltered)}>
        {t('slide.picture.reset')}
      </Button>
    </Stack>
  );
}
