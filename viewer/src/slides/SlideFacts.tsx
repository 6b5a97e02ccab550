/** What kind of slide this is, in one line. */
import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Slide } from '../api/types';
import { readable } from '../ui/dicomText';
import { useFormat } from '../ui/useFormat';
import { nativeObjective } from './stage/magnification';

export function SlideFacts({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  const format = useFormat();
  const objective = nativeObjective(slide);
  const facts = [
    readable(slide.description) || readable(slide.source),
    readable(slide.stain ?? ''),
    readable(slide.scanner ?? ''),
    objective === null ? '' : t('slide.objective', { x: objective }),
    slide.mpp_um === null ? '' : t('slide.mpp', { um: Number(slide.mpp_um.x.toPrecision(3)) }),
    t('slide.size', { width: format.number(slide.width), height: format.number(slide.height) }),
  ];
  return (
    <Text size="sm" c="dimmed">
      {facts.filter((fact) => fact !== '').join(' · ')}
    </Text>
  );
}
