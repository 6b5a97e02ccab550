/** Places of the viewer that belong to nobody: what is about a pane puts its buttons and drawers there. */
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import { usePane } from './pane';

/** In the order in which they stand: the toolbar's groups, then the drawers beside the slide. */
export const toolbarGroups = ['objective', 'turn', 'measure', 'notes', 'depth', 'picture', 'layout'] as const;
export type ToolbarGroup = (typeof toolbarGroups)[number];
export type SlotName = ToolbarGroup | 'left' | 'right';

interface Slots {
  places: Partial<Record<SlotName, HTMLElement | null>>;
  place: (name: SlotName) => (element: HTMLElement | null) => void;
}

const SlotsContext = createContext<Slots>({ places: {}, place: () => () => {} });

export function SlotsProvider({ children }: { children: ReactNode }) {
  const [places, setPlaces] = useState<Slots['places']>({});
  const [refs] = useState(() => new Map<SlotName, (element: HTMLElement | null) => void>());
  const place = useCallback(
    (name: SlotName) => {
      const known = refs.get(name);
      if (known !== undefined) return known;
      const ref = (element: HTMLElement | null) => setPlaces((now) => (now[name] === element ? now : { ...now, [name]: element }));
      refs.set(name, ref);
      return ref;
    },
    [refs],
  );
  const slots = useMemo(() => ({ places, place }), [places, place]);
  return <SlotsContext.Provider value={slots}>{children}</SlotsContext.Provider>;
}

/** Where a slot is on the page. It takes no room while nothing is in it. */
export function SlotPlace({ name, className }: { name: SlotName; className?: string }) {
  const { place } = useContext(SlotsContext);
  return <div ref={place(name)} className={className} data-slot={name} />;
}

/** Puts its children into a slot, for as long as the pane around it is the active one. */
export function InSlot({ name, children }: { name: SlotName; children: ReactNode }) {
  const { isActive } = usePane();
  const home = useContext(SlotsContext).places[name];
  return isActive && home ? createPortal(children, home) : null;
}
