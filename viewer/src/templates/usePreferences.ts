/** How a person likes to write reports; kept in this browser. */
import type { KeyPlace } from '../api/types';
import { useStored } from '../ui/useStored';

export interface Preferences {
  /** Signed last with a key in this place, by whoever has both. */
  signsBy: KeyPlace;
  /** A microphone beside each text. */
  dictates: boolean;
}

const start: Preferences = { signsBy: 'keystore', dictates: false };

export function usePreferences(person: string): [Preferences, (part: Partial<Preferences>) => void] {
  const [kept, keep] = useStored<Partial<Preferences>>(`farsight.reading.preferences.${person}`, start);
  const now = { ...start, ...kept };
  return [now, (part) => keep({ ...now, ...part })];
}
