/** The scale of a slide that does not say it itself: who gave it, and a dialog to give it. */
import { Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { keys } from '../api/queries';
import type { Slide } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { useFormat } from '../ui/useFormat';
import { useMayCalibrate } from './useMayCalibrate';

/** Nothing for slides whose scanner has written the scale. */
export function Calibrate({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  const format = useFormat();
  const may = useMayCalibrate(slide);
  const [open, setOpen] = useState(false);
  if (slide.mpp_um !== null && slide.calibration === null) return null;
  return (
    <>
      {slide.calibration !== null && (
        <Text size="sm" c="dimmed">
          {t('transfer.calibrate.by', {
            by: slide.calibration.by_name ?? t('transfer.calibrate.somebody'),
            at: format.moment(slide.calibration.at),
          })}
        </Text>
      )}
      {may && (
        <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
          {t('transfer.calibrate.open')}
        </Button>
      )}
      {open && <CalibrateDialog slide={slide} onClose={() => setOpen(false)} />}
    </>
  );
}

const number = (value: string | number): number | null => (typeof value === 'number' && value > 0 ? value : null);

function CalibrateDialog({ slide, onClose }: { slide: Slide; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [mpp, setMpp] = useState<string | number>(slide.calibration?.mpp_um ?? '');
  const [pixels, setPixels] = useState<string | number>('');
  const [um, setUm] = useState<string | number>('');
  // What is answered now is about the slide that was looked at when the form opened.
  const [revision] = useState(slide.revision ?? undefined);
  const path = `/slides/${encodeURIComponent(slide.id)}/calibration`;
  const done = () => cache.invalidateQueries({ queryKey: keys.slide(slide.id) });
  const measured = number(pixels) !== null && number(um) !== null;
  const value = measured ? (number(um) ?? 0) / (number(pixels) ?? 1) : number(mpp);
  return (
    <ConfirmDialog
      title={t('transfer.calibrate.title')}
      consequences={[t('transfer.calibrate.effect')]}
      confirm={t('transfer.calibrate.save')}
      ready={value !== null}
      onConfirm={async () => {
        await request('PUT', path, { body: { mpp_um: value, rev: revision } });
        await done();
      }}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Text size="sm">{t('transfer.calibrate.how')}</Text>
        <NumberInput
          label={t('transfer.calibrate.mpp')}
          value={measured ? Number((value ?? 0).toPrecision(6)) : mpp}
          onChange={setMpp}
          disabled={measured}
          min={0}
          step={0.01}
          data-autofocus
        />
        <Group grow>
          <NumberInput label={t('transfer.calibrate.pixels')} value={pixels} onChange={setPixels} min={0} />
          <NumberInput label={t('transfer.calibrate.um')} value={um} onChange={setUm} min={0} />
        </Group>
        {slide.calibration !== null && (
          <Button
            variant="subtle"
            color="red"
            onClick={() => void request('DELETE', path).then(done).then(onClose)}
          >
            {t('transfer.calibrate.undo')}
          </Button>
        )}
      </Stack>
    </ConfirmDialog>
  );
}
