/** What the server says was left out of a slide, and why, in the reader's language. Reasons that have no words here stay as they are. */
import type { TFunction } from 'i18next';

export const reasons = {
  'all focal planes, times and channels but the first': 'planes',
  'a further focal plane': 'plane',
  'a further focal plane of another shape': 'planeShape',
  'a further focal plane at an uneven distance': 'planeUneven',
  'as wide as another': 'width',
  'a map': 'map',
  'of unknown kind': 'unknown',
  'further overviews': 'overviews',
  'the probability image': 'probability',
  'OME-TIFF with several focal planes or times': 'stack',
  'OME-TIFF with focal planes at an unknown distance': 'stackDistance',
  'OME-TIFF with several channels': 'channels',
  'smaller images that not every channel and focal plane has': 'fewer',
  'a Leica file with several focal planes or channels': 'leicaStack',
  'a Leica file with several scanned regions': 'leicaRegions',
  'a Trestle file, whose tiles overlap': 'trestle',
  'a Ventana file whose tiles overlap': 'ventana',
  'a Ventana file with several scanned areas': 'ventanaAreas',
  'WebP tiles': 'webp',
  'LZW tiles': 'lzw',
  'uncompressed tiles': 'uncompressed',
  'uncompressed tiles of another byte order': 'byteOrder',
  'uncompressed tiles of more than 4 GB': 'long',
  'tiles of differences': 'differences',
  'deflated tiles': 'deflate',
  'the compression of its tiles': 'compression',
  'pixels that are not 8-bit colour': 'pixels',
  'pixels that are not 8-bit colour or shades of at most 16 bits': 'shades',
  'of another shape than the largest level': 'shape',
  'not all of its frames are there, or they are not in line': 'frames',
} as const;

const small = ['label', 'overview', 'thumbnail'] as const;

export function reasonText(t: TFunction, reason: string): string {
  return Object.hasOwn(reasons, reason) ? t(`fidelity.why.${reasons[reason as keyof typeof reasons]}`) : reason;
}

/** `image 3: a map`, `700×500: of unknown kind`, `a second label`, `further overviews`. */
export function leftOutText(t: TFunction, omitted: string): string {
  const parts = /^([^:]+): (.+)$/u.exec(omitted);
  const second = small.find((kind) => omitted === `a second ${kind}`);
  if (second !== undefined) return `${t(`fidelity.what.${second}`)}: ${t('fidelity.why.second')}`;
  if (parts === null) return reasonText(t, omitted);
  const [, name = '', reason = ''] = parts;
  const number = /^image (\d+)$/u.exec(name)?.[1];
  const kind = small.find((known) => known === name);
  const shown = number !== undefined ? t('fidelity.image', { n: Number(number) + 1 }) : kind !== undefined ? t(`fidelity.what.${kind}`) : name;
  return `${shown}: ${reasonText(t, reason)}`;
}
