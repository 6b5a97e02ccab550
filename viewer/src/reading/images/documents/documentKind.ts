/** What of an instance that is no image a browser can show. */
import { text, type Instance } from '../dicomJson';

export type DocumentKind = 'page' | 'video' | 'cda' | 'model' | 'segmentation' | 'report';

const encapsulated = '1.2.840.10008.5.1.4.1.1.104.';
/** Video Endoscopic, Microscopic and Photographic Image Storage. */
const videos: readonly string[] = ['1.1', '2.1', '4.1'].map((end) => `1.2.840.10008.5.1.4.1.1.77.1.${end}`);

export const isVideo = (instance: Instance): boolean => videos.includes(text(instance, '00080016'));

export function documentKind(instance: Instance): DocumentKind {
  const sopClass = text(instance, '00080016');
  if (isVideo(instance)) return 'video';
  if (sopClass === `${encapsulated}1`) return 'page';
  if (sopClass === `${encapsulated}2`) return 'cda';
  // STL, OBJ and its materials, and whatever else is encapsulated one day.
  if (sopClass.startsWith(encapsulated)) return 'model';
  return text(instance, '00080060') === 'SEG' ? 'segmentation' : 'report';
}
