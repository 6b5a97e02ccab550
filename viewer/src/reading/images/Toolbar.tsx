/** What can be done to images, as buttons; each names its key. */
import { Menu, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Layout, Links } from './hanging';
import { layouts } from './hanging';
import classes from './Images.module.css';
import type { TablePreset, WindowPreset } from './presets';
import { actionKeys, imageActions, measureTools, toolKeys, viewTools, type ImageAction, type MeasureTool, type PointerTool } from './tools';

/** The keys 1 to 9. */
export const presetKeysMax = 9;

export const layoutKeys: Record<Layout, string> = { '1x1': 'Alt+1', '1x2': 'Alt+2', '2x1': 'Alt+3', '2x2': 'Alt+4' };

interface Props {
  tool: PointerTool;
  presets: (WindowPreset | TablePreset)[];
  layout: Layout;
  links: Links;
  referenceLines: boolean;
  onTool: (tool: PointerTool) => void;
  onAction: (action: ImageAction) => void;
  onPreset: (preset: WindowPreset | TablePreset) => void;
  onLayout: (layout: Layout) => void;
  onLink: (which: keyof Links) => void;
  onReferenceLines: () => void;
  /** What belongs to the image on the screen: playing, planes. */
  children?: ReactNode;
}

export function Tool({ label, hint, pressed, onClick }: { label: string; hint?: string | undefined; pressed?: boolean; onClick: () => void }) {
  const button = (
    <button type="button" className={classes.tool} {...(pressed === undefined ? {} : { 'aria-pressed': pressed })} onClick={onClick}>
      {label}
    </button>
  );
  return hint === undefined ? (
    button
  ) : (
    <Tooltip label={hint} openDelay={400}>
      {button}
    </Tooltip>
  );
}

export function Toolbar(props: Props) {
  const { t } = useTranslation();
  const { tool, presets, layout, links } = props;
  const measuring = measureTools.find((name) => name === tool);
  const presetName = (preset: WindowPreset | TablePreset) =>
    'table' in preset ? t('images.lut', { label: preset.label }) : (preset.label ?? t(`images.preset.${preset.name}`));
  return (
    <div className={classes.toolbar} role="toolbar" aria-label={t('images.tools')}>
      {viewTools.map((name) => (
        <Tool key={name} label={t(`images.tool.${name}`)} hint={toolKeys[name]?.toUpperCase()} pressed={name === tool} onClick={() => props.onTool(name)} />
      ))}
      <Choice
        label={measuring === undefined ? t('images.measure') : t(`images.tool.${measuring}`)}
        pressed={measuring !== undefined}
        items={measureTools.map((name: MeasureTool) => ({ key: name, label: t(`images.tool.${name}`), hint: toolKeys[name]?.toUpperCase(), run: () => props.onTool(name) }))}
      />
      {presets.length > 0 && (
        <Choice
          label={t('images.presets')}
          items={presets.map((preset, index) => ({
            key: String(index),
            label: presetName(preset),
            hint: index < presetKeysMax ? String(index + 1) : undefined,
            run: () => props.onPreset(preset),
          }))}
        />
      )}
      <span className={classes.gap} />
      {imageActions.map((name) => (
        <Tool key={name} label={t(`images.action.${name}`)} hint={actionKeys[name].toUpperCase()} onClick={() => props.onAction(name)} />
      ))}
      <span className={classes.gap} />
      <Choice
        label={t('images.layout', { layout: layout.replace('x', '×') })}
        items={layouts.map((one) => ({ key: one, label: one.replace('x', '×'), hint: layoutKeys[one], run: () => props.onLayout(one) }))}
      />
      <Tool label={t('images.link.scroll')} hint="S" pressed={links.scroll} onClick={() => props.onLink('scroll')} />
      <Tool label={t('images.link.look')} hint="Shift+S" pressed={links.look} onClick={() => props.onLink('look')} />
      {layout !== '1x1' && (
        <Tool label={t('images.referenceLines')} hint="Shift+R" pressed={props.referenceLines} onClick={props.onReferenceLines} />
      )}
      {props.children}
    </div>
  );
}

interface Item {
  key: string;
  label: string;
  hint?: string | undefined;
  run: () => void;
}

function Choice({ label, items, pressed }: { label: string; items: Item[]; pressed?: boolean }) {
  return (
    <Menu shadow="none" position="bottom-start" returnFocus={false}>
      <Menu.Target>
        <button type="button" className={classes.tool} {...(pressed === undefined ? {} : { 'data-pressed': pressed })}>
          {label} ▾
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {items.map((item) => (
          <Menu.Item key={item.key} onClick={item.run} rightSection={item.hint}>
            {item.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
