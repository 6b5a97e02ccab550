/** Within which consult somebody looks at a slide: what they leave there is then left for whoever asked. */
import { createContext, useContext } from 'react';

export const NoteConsultContext = createContext<string | null>(null);

export function useNoteConsult(): string | null {
  return useContext(NoteConsultContext);
}
