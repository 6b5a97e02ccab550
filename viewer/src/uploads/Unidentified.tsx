/** Slides of which nobody knows whose they are, or of which two say something different. */
import { Button, Group, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { slides } from '../api/endpoints';
import { keys } from '../api/queries';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { useFormat } from '../ui/useFormat';
import { uploadsApi, type Particulars, type UnidentifiedSlide } from './api';
import { ConfirmationLine, namesSomebody, ParticularsForm } from './ParticularsForm';
import { firstGuess, wholePatient } from './patient';
import classes from './Uploads.module.css';
import { uploadKeys } from './useUploads';

export function Unidentified({ list }: { list: readonly UnidentifiedSlide[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [open, setOpen] = useState<UnidentifiedSlide | null>(null);
  return (
    <>
      <ul className={classes.cards}>
        {list.map((slide) => (
          <li key={slide.slide_id} className={classes.card} aria-label={slide.source}>
            <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
              <div className={classes.file}>
                <Text fw={600}>{slide.source}</Text>
                <Text size="sm" c="dimmed">
                  {t(`transfer.standing.${slide.standing}`)} · {format.moment(slide.imported_at)}
                </Text>
                <Doubts slide={slide} />
              </div>
              <Group gap="xs" wrap="nowrap">
                <Button size="compact-sm" variant="default" component={Link} to={`/slides/${encodeURIComponent(slide.slide_id)}`}>
                  {t('transfer.open')}
                </Button>
                <Button size="compact-sm" onClick={() => setOpen(slide)}>
                  {t('transfer.identify')}
                </Button>
              </Group>
            </Group>
          </li>
        ))}
      </ul>
      {open !== null && <IdentifyDialog slide={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function Doubts({ slide }: { slide: UnidentifiedSlide }) {
  const { t } = useTranslation();
  return (
    <>
      {slide.doubts.map(({ field, said }) => (
        <Text key={field} size="sm" c="yellow">
          {t('transfer.doubt', { field: t(`transfer.field.${field}`), said: said.map(([who, what]) => `${t(`transfer.origin.${who}`)} ${what}`).join(' · ') })}
        </Text>
      ))}
      {slide.barcodes.length > 0 && (
        <Text size="sm" c="dimmed">
          {t('transfer.onLabel', { codes: slide.barcodes.join(' · ') })}
        </Text>
      )}
    </>
  );
}

function IdentifyDialog({ slide, onClose }: { slide: UnidentifiedSlide; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [of, setOf] = useState<Particulars>(() => firstGuess(slide));
  const [noLabel, setNoLabel] = useState(false);
  return (
    <ConfirmDialog
      title={t('transfer.identifyTitle', { name: slide.source })}
      consequences={[t('transfer.identifyEffect')]}
      confirm={t('transfer.confirm')}
      ready={namesSomebody(of)}
      size="lg"
      onConfirm={async () => {
        await uploadsApi.identify(slide.slide_id, wholePatient(of));
        for (const queryKey of [uploadKeys.unidentified, keys.slides, keys.slide(slide.slide_id), keys.studies]) {
          await cache.invalidateQueries({ queryKey });
        }
      }}
      onClose={onClose}
    >
      {!noLabel && (
        <img
          className={classes.label}
          src={slides.associated(slide.slide_id, 'label')}
          alt={t('transfer.label')}
          onError={() => setNoLabel(true)}
        />
      )}
      <ParticularsForm only="patient" of={of} onChange={setOf} />
      <ConfirmationLine of={of} />
    </ConfirmDialog>
  );
}
