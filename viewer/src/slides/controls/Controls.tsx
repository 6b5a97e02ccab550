/** Ways of moving a slide without dragging, and the menu in which they are chosen. */
import { Popover, Stack, Switch, Text } from '@mantine/core';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../icons';
import { imageZoomFor, nativeObjective, objectives } from '../stage/magnification';
import { usePane } from '../stage/pane';
import type { SlideStage } from '../stage/SlideStage';
import { InSlot } from '../stage/slots';
import { Tool } from '../Tool';
import type { PadPress } from './gamepad';
import { useControlSettings } from './settings';
import { useEdgePan } from './useEdgePan';
import { useGamepad } from './useGamepad';
import { useSpacePan } from './useSpacePan';

export function Controls({ onStep }: { onStep: (by: 1 | -1) => void }) {
  const { t } = useTranslation();
  const { stage, isActive } = usePane();
  const [settings, keep] = useControlSettings();
  useEdgePan(stage, settings.edgePan && isActive);
  useSpacePan(stage, isActive);
  useEffect(() => stage.turnWithFingers(settings.fingersTurn), [stage, settings.fingersTurn]);
  const hasPad = useGamepad(stage, isActive, (press) => act(stage, press, onStep));
  return (
    <InSlot name="layout">
      <Popover width={300} position="bottom-end" shadow="none" withRoles trapFocus>
        <Popover.Target>
          <Tool name={t('slide.controls.title')} pressed={settings.edgePan || hasPad}>
            <Icon name="move" />
          </Tool>
        </Popover.Target>
        <Popover.Dropdown>
          <Stack gap="sm">
            <Switch
              label={t('slide.controls.edgePan')}
              checked={settings.edgePan}
              onChange={(event) => keep({ ...settings, edgePan: event.currentTarget.checked })}
            />
            <Switch
              label={t('slide.controls.fingersTurn')}
              checked={settings.fingersTurn}
              onChange={(event) => keep({ ...settings, fingersTurn: event.currentTarget.checked })}
            />
            <Text size="sm" c="dimmed">
              {t('slide.controls.space')}
            </Text>
            <Text size="sm" c="dimmed">
              {t(hasPad ? 'slide.controls.padThere' : 'slide.controls.pad')}
            </Text>
          </Stack>
        </Popover.Dropdown>
      </Popover>
    </InSlot>
  );
}

function act(stage: SlideStage, press: PadPress, onStep: (by: 1 | -1) => void): void {
  switch (press) {
    case 'home':
      return stage.home();
    case 'nextSlide':
      return onStep(1);
    case 'previousSlide':
      return onStep(-1);
    case 'stronger':
    case 'weaker':
      return changeObjective(stage, press);
  }
}

/** To the next objective; where none is known, twice or half as large. */
function changeObjective(stage: SlideStage, which: 'stronger' | 'weaker'): void {
  const native = nativeObjective(stage.slide);
  const now = stage.target()?.zoom;
  if (now === undefined) return;
  if (native === null) {
    stage.zoomBy(which === 'stronger' ? 2 : 0.5);
    return;
  }
  const zooms = objectives.map((objective) => imageZoomFor(objective, native));
  const next = which === 'stronger' ? zooms.find((zoom) => zoom > now * 1.02) : zooms.findLast((zoom) => zoom < now * 0.98);
  if (next !== undefined) stage.zoomTo(next);
}
