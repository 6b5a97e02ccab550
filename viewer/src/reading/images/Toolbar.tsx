/** What can be done to an image, as buttons; each names its key. */
import { Menu, Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import classes from './Images.module.css';
import type { WindowPreset } from './presets';
import { pointerTools, type PointerTool } from './StackView';

export const imageActions = ['invert', 'rotate', 'flipHorizontal', 'flipVertical', 'reset'] as const;
export type ImageAction = (typeof imageActions)[number];

export const toolKeys: Record<PointerTool, string> = {
  window: 'w',
  scroll: 's',
  zoom: 'z',
  pan: 'p',
  length: 'l',
  angle: 'a',
  ellipse: 'e',
};

export const actionKeys: Record<ImageAction, string> = {
  invert: 'i',
  rotate: 'r',
  flipHorizontal: 'h',
  flipVertical: 'v',
  reset: 'x',
};

interface Props {
  tool: PointerTool;
  presets: WindowPreset[];
  onTool: (tool: PointerTool) => void;
  onAction: (action: ImageAction) => void;
  onPreset: (preset: WindowPreset) => void;
}

export function Toolbar({ tool, presets, onTool, onAction, onPreset }: Props) {
  const { t } = useTranslation();
  return (
    <div className={classes.toolbar} role="toolbar" aria-label={t('images.tools')}>
      {pointerTools.map((name) => (
        <Tooltip key={name} label={toolKeys[name].toUpperCase()} openDelay={400}>
          <button type="button" className={classes.tool} aria-pressed={name === tool} onClick={() => onTool(name)}>
            {t(`images.tool.${name}`)}
          </button>
        </Tooltip>
      ))}
      {presets.length > 0 && (
        <Menu shadow="none" position="bottom-start">
          <Menu.Target>
            <button type="button" className={classes.tool}>
              {t('images.presets')}
            </button>
          </Menu.Target>
          <Menu.Dropdown>
            {presets.map((preset, index) => (
              <Menu.Item key={preset.name} onClick={() => onPreset(preset)} rightSection={index + 1}>
                {t(`images.preset.${preset.name}`)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      <span className={classes.gap} />
      {imageActions.map((name) => (
        <Tooltip key={name} label={actionKeys[name].toUpperCase()} openDelay={400}>
          <button type="button" className={classes.tool} onClick={() => onAction(name)}>
            {t(`images.action.${name}`)}
          </button>
        </Tooltip>
      ))}
    </div>
  );
}
