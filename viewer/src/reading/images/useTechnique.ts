/** How an image was acquired, in one line, by modality. */
import { useTranslation } from 'react-i18next';
import { readable } from '../../ui/dicomText';
import { number, text, type Instance } from './dicomJson';

const tag = {
  kvp: '00180060',
  current_mA: '00181151',
  exposure_mAs: '00181152',
  kernel: '00181210',
  repetition_ms: '00180080',
  echo_ms: '00180081',
  contrast: '00180010',
  view: '00185101',
  side: '00200062',
} as const;

export function useTechnique() {
  const { t } = useTranslation();
  return (instance: Instance | undefined): string => {
    if (instance === undefined) return '';
    const figure = (key: 'kvp' | 'current_mA' | 'exposure_mAs' | 'repetition_ms' | 'echo_ms', name: Parameters<typeof t>[0]) => {
      const value = number(instance, tag[key]);
      return value === null || value === 0 ? '' : String(t(name as never, { value: Number(value.toPrecision(4)) } as never));
    };
    const agent = readable(text(instance, tag.contrast));
    const parts = [
      text(instance, tag.side),
      text(instance, tag.view),
      figure('kvp', 'images.technique.kv'),
      figure('current_mA', 'images.technique.ma'),
      figure('exposure_mAs', 'images.technique.mas'),
      readable(text(instance, tag.kernel)),
      figure('repetition_ms', 'images.technique.tr'),
      figure('echo_ms', 'images.technique.te'),
      agent === '' ? '' : t('images.technique.contrast', { agent }),
    ];
    return parts.filter((part) => part !== '').join(' · ');
  };
}
