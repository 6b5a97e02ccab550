/** Focal planes and optical paths, where a slide has several. */
import { ColorInput, Popover, RangeSlider, Stack, Switch } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { FocalPlane, SlideChannel } from '../../api/types';
import { usePane, usePaneKeys } from '../stage/pane';
import { InSlot } from '../stage/slots';
import { Tool } from '../Tool';
import { readComposition, valueMax, writeComposition, type DrawnChannel } from './composition';
import classes from './Depth.module.css';

export function DepthTools() {
  const { slide } = usePane();
  const planes = slide.focal_planes ?? [];
  const channels = slide.channels ?? [];
  return (
    <>
      {planes.length > 1 && <Planes planes={planes} />}
      {channels.length > 1 && slide.composition && <Channels channels={channels} usual={slide.composition} />}
      {channels.length > 1 && <Paths channels={channels} composed={Boolean(slide.composition)} />}
    </>
  );
}

function Planes({ planes }: { planes: FocalPlane[] }) {
  const { t } = useTranslation();
  const { stage, look, setLook } = usePane();
  const middle = Math.max(0, planes.findIndex((plane) => plane.is_default));
  const asked = planes.findIndex(({ z }) => z === look.plane);
  const at = asked === -1 ? middle : asked;
  const plane = planes[at];
  const go = (index: number) => {
    const next = planes[Math.max(0, Math.min(planes.length - 1, index))];
    if (next !== undefined) setLook({ ...look, plane: next.is_default ? null : next.z });
  };
  usePaneKeys({ '[': () => go(at - 1), ']': () => go(at + 1) });
  useEffect(() => {
    const onWheel = (event: WheelEvent) => {
      if (!event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      go(event.deltaY < 0 ? at + 1 : at - 1);
    };
    // Before the library, for which a wheel is a zoom.
    const room = stage.element.parentElement ?? stage.element;
    room.addEventListener('wheel', onWheel, { capture: true, passive: false });
    return () => room.removeEventListener('wheel', onWheel, { capture: true });
  });
  return (
    <InSlot name="depth">
      <label className={classes.planes} title={t('slide.depth.planesTip')}>
        <span>{t('slide.depth.plane')}</span>
        <input
          type="range"
          min={0}
          max={planes.length - 1}
          value={at}
          aria-valuetext={planeText(plane, at, planes.length, t)}
          onChange={(event) => go(Number(event.currentTarget.value))}
          onPointerUp={(event) => event.currentTarget.blur()}
        />
        <span className={classes.planeValue}>{planeText(plane, at, planes.length, t)}</span>
      </label>
    </InSlot>
  );
}

function planeText(
  plane: FocalPlane | undefined,
  at: number,
  count: number,
  t: (key: 'slide.depth.um' | 'slide.depth.of', values: Record<string, string | number>) => string,
): string {
  return plane?.z_um == null ? t('slide.depth.of', { n: at + 1, count }) : t('slide.depth.um', { um: `${plane.z_um > 0 ? '+' : ''}${plane.z_um}` });
}

/**
 * Paths one at a time: those in colours of their own, or all where none are laid over each other. Where some are, pressing a
 * path again brings them back.
 */
function Paths({ channels, composed }: { channels: SlideChannel[]; composed: boolean }) {
  const { look, setLook } = usePane();
  const usual = composed ? null : (channels.find((channel) => channel.is_default)?.path ?? channels[0]?.path ?? null);
  const shown = look.path ?? usual;
  const choose = (path: string) => setLook({ ...look, path: path === usual || (composed && path === shown) ? null : path });
  return (
    <InSlot name="depth">
      {(composed ? channels.filter(({ color }) => color === null) : channels).map((channel) => (
        <Tool key={channel.path} name={channelName(channel)} pressed={channel.path === shown} onClick={() => choose(channel.path)}>
          {channelName(channel)}
        </Tool>
      ))}
    </InSlot>
  );
}

function channelName(channel: SlideChannel): string {
  if (channel.description !== '') return channel.description;
  return channel.wavelength_nm === null ? channel.path : `${channel.wavelength_nm} nm`;
}

function Channels({ channels, usual }: { channels: SlideChannel[]; usual: string }) {
  const { t } = useTranslation();
  const { look, setLook } = usePane();
  const drawn = readComposition(look.channels ?? usual, channels);
  const shown = drawn.filter(({ isShown }) => isShown);
  const change = (path: string, to: Partial<DrawnChannel>) => {
    const composition = writeComposition(drawn.map((one) => (one.path === path ? { ...one, ...to } : one)));
    if (composition !== null) setLook({ ...look, path: null, channels: composition === usual ? null : composition });
  };
  return (
    <InSlot name="depth">
      <Popover width={300} position="bottom-start" shadow="none" withRoles trapFocus>
        <Popover.Target>
          <Tool name={t('slide.depth.channels')} pressed={look.channels !== null}>
            {t('slide.depth.channelCount', { shown: shown.length, count: drawn.length })}
          </Tool>
        </Popover.Target>
        <Popover.Dropdown>
          <Stack gap="md">
            {channels.map((channel) => {
              const one = drawn.find(({ path }) => path === channel.path);
              return one === undefined ? null : (
                <ChannelRow
                  key={channel.path}
                  channel={channel}
                  drawn={one}
                  isOnly={one.isShown && shown.length === 1}
                  onChange={(to) => change(channel.path, to)}
                />
              );
            })}
          </Stack>
        </Popover.Dropdown>
      </Popover>
    </InSlot>
  );
}

interface RowProps {
  channel: SlideChannel;
  drawn: DrawnChannel;
  isOnly: boolean;
  onChange: (to: Partial<DrawnChannel>) => void;
}

function ChannelRow({ channel, drawn, isOnly, onChange }: RowProps) {
  const { t } = useTranslation();
  const name = channelName(channel);
  return (
    <div>
      <div className={classes.channel}>
        <Switch label={name} checked={drawn.isShown} disabled={isOnly} onChange={(event) => onChange({ isShown: event.currentTarget.checked })} />
        <Colour label={t('slide.depth.colour', { name })} color={drawn.color} onChange={(color) => onChange({ color })} />
      </div>
      <RangeSlider
        key={`${drawn.low}-${drawn.high}`}
        min={0}
        max={valueMax(channel)}
        minRange={1}
        defaultValue={[drawn.low, drawn.high]}
        thumbFromLabel={t('slide.depth.black', { name })}
        thumbToLabel={t('slide.depth.white', { name })}
        onChangeEnd={([low, high]) => onChange({ low, high })}
      />
    </div>
  );
}

/** A colour, picked or typed; what is typed counts once all six digits are there. */
function Colour({ label, color, onChange }: { label: string; color: string; onChange: (color: string) => void }) {
  const [draft, setDraft] = useState(`#${color}`);
  const [known, setKnown] = useState(color);
  if (color !== known) {
    setKnown(color);
    setDraft(`#${color}`);
  }
  const typed = useRef(draft);
  return (
    <ColorInput
      size="xs"
      w={110}
      aria-label={label}
      value={draft}
      withEyeDropper={false}
      onChange={(value) => {
        typed.current = value;
        setDraft(value);
      }}
      onChangeEnd={() => {
        // Three digits are a colour, too, but somebody who types is on the way to six.
        const whole = /^#([0-9a-f]{6})$/i.exec(typed.current)?.[1];
        if (whole !== undefined) onChange(whole.toUpperCase());
      }}
      onBlur={() => setDraft(`#${color}`)}
    />
  );
}
