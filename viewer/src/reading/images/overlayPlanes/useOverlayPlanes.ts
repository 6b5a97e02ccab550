/** What the reader wants to see of overlay planes: in each cell of the screen, for each series, of all planes of a group alike. */
import { useCallback, useMemo, useState } from 'react';
import type { Laid } from './laid';
import { OverlayBits } from './OverlayBits';

export interface OverlayPlanes {
  bits: OverlayBits;
  /** `cell`: see `cellOf`. */
  isShown: (cell: string) => boolean;
  toggle: (cell: string) => void;
  isOn: (cell: string, laid: Laid) => boolean;
  change: (cell: string, laid: Laid, isOn: boolean) => void;
}

/** A series where it hangs. */
export const cellOf = (at: number, seriesUid: string): string => `${at}/${seriesUid}`;

const keyOf = (cell: string, { of, plane }: Laid) => `${cell}/${of}/${plane.group}`;

export function useOverlayPlanes(): OverlayPlanes {
  const [bits] = useState(() => new OverlayBits());
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const isShown = useCallback((cell: string) => !hidden.has(cell), [hidden]);
  const toggle = useCallback((cell: string) => setHidden((before) => (before.has(cell) ? new Set([...before].filter((one) => one !== cell)) : new Set([...before, cell]))), []);
  const isOn = useCallback((cell: string, laid: Laid) => chosen.get(keyOf(cell, laid)) ?? laid.isActive, [chosen]);
  const change = useCallback((cell: string, laid: Laid, is: boolean) => setChosen((before) => new Map(before).set(keyOf(cell, laid), is)), []);
  return useMemo(() => ({ bits, isShown, toggle, isOn, change }), [bits, isShown, toggle, isOn, change]);
}
