/** A measured line whose length is known gives the slide its scale. */
import { NumberInput, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client';
import { keys } from '../../api/queries';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { Icon } from '../icons';
import type { Point } from '../stage/geometry';
import { usePane } from '../stage/pane';
import { Tool } from '../Tool';
import { useMayCalibrate } from '../useMayCalibrate';
import { measure, type Shape } from './shapes';

/** A button while a line is selected on a slide whose scanner has not said its scale. */
export function CalibrateLine({ selected }: { selected: Shape | null }) {
  const { t } = useTranslation();
  const { slide } = usePane();
  const [line, setLine] = useState<readonly [Point, Point] | null>(null);
  if (!useMayCalibrate(slide)) return null;
  const [from, to] = selected?.kind === 'distance' ? selected.points : [];
  return (
    <>
      <Tool name={t('slide.measure.calibrate')} disabled={from === undefined || to === undefined} onClick={() => from && to && setLine([from, to])}>
        <Icon name="calibrate" />
      </Tool>
      {line !== null && <LineDialog line={line} onClose={() => setLine(null)} />}
    </>
  );
}

function LineDialog({ line: [from, to], onClose }: { line: readonly [Point, Point]; onClose: () => void }) {
  const { t } = useTranslation();
  const { slide } = usePane();
  const cache = useQueryClient();
  const [um, setUm] = useState<string | number>('');
  // The points are of the slide as it was when the form opened.
  const [revision] = useState(slide.revision ?? undefined);
  const pixels = measure({ kind: 'distance', points: [from, to] }, null)?.value ?? 0;
  const known = typeof um === 'number' && um > 0 ? um : null;
  return (
    <ConfirmDialog
      title={t('transfer.calibrate.title')}
      consequences={[t('transfer.calibrate.effect')]}
      confirm={t('transfer.calibrate.save')}
      ready={known !== null}
      onConfirm={async () => {
        const distance = { from: [from.x, from.y], to: [to.x, to.y], um: known };
        await request('PUT', `/slides/${encodeURIComponent(slide.id)}/calibration`, { body: { distance, rev: revision } });
        await cache.invalidateQueries({ queryKey: keys.slide(slide.id) });
      }}
      onClose={onClose}
    >
      <Text size="sm">{t('slide.measure.calibrateHow', { px: Math.round(pixels) })}</Text>
      <NumberInput label={t('transfer.calibrate.um')} value={um} onChange={setUm} min={0} data-autofocus />
      <Text size="sm" c="dimmed" role="status">
        {known === null ? '' : t('slide.measure.calibrated', { mpp: Number((known / pixels).toPrecision(4)) })}
      </Text>
    </ConfirmDialog>
  );
}
