/** How a person prefers to move slides; kept in this browser. */
import { useMe } from '../../session/useMe';
import { useShared } from '../useShared';

export interface ControlSettings {
  /** The slide moves while the pointer is near the screen's edge. */
  edgePan: boolean;
  /** Two fingers turn the slide. */
  fingersTurn: boolean;
}

const usual: ControlSettings = { edgePan: false, fingersTurn: false };

export function useControlSettings(): [ControlSettings, (settings: ControlSettings) => void] {
  const me = useMe();
  const [kept, keep] = useShared<Partial<ControlSettings> | null>(`farsight.slide.controls.${me.person.id}`, usual);
  return [{ edgePan: kept?.edgePan === true, fingersTurn: kept?.fingersTurn === true }, keep];
}
