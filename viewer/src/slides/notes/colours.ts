/** The colours of classes, as the server has them. */
import type { NoteClass, NoteDraft } from '../../api/slideNotes';

const ofClass: Record<NoteClass, string> = {
  attention: '#facc15',
  tumour: '#ef4444',
  invasion: '#f97316',
  mitosis: '#a855f7',
  necrosis: '#78716c',
  inflammation: '#3b82f6',
  margin: '#06b6d4',
  normal: '#22c55e',
  artefact: '#64748b',
};

export function colourOf({ colour, class: of }: Pick<NoteDraft, 'colour' | 'class'>): string {
  return colour ?? ofClass[of];
}
