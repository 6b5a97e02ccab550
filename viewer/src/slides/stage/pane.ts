/**
 * What is drawn over a slide, and acts on it, gets at it through here. A pane is one slide on the screen; with two side by
 * side, the active one has the keys and the toolbar.
 */
import { createContext, useCallback, useContext, useEffect, useSyncExternalStore } from 'react';
import type { Slide } from '../../api/types';
import { useKeys, type Bindings } from '../../ui/useKeys';
import type { FieldOfView } from './geometry';
import type { SlideLook } from './look';
import type { SlideStage, StageStatus } from './SlideStage';

export interface Pane {
  stage: SlideStage;
  slide: Slide;
  isActive: boolean;
  look: SlideLook;
  setLook: (look: SlideLook) => void;
}

export const PaneContext = createContext<Pane | null>(null);

export function usePane(): Pane {
  const pane = useContext(PaneContext);
  if (pane === null) throw new Error('outside of a slide pane');
  return pane;
}

/** The field of view, rendering anew on every frame in which it moves; `null` until the slide is open. */
export function useFieldOfView(): FieldOfView | null {
  const { stage } = usePane();
  return useSyncExternalStore(stage.subscribe, stage.view);
}

/** One fact of the view (a number, a word), rendering anew only when it changes. */
export function useOfView<T extends string | number | boolean | null>(read: (view: FieldOfView) => T): T | null {
  const { stage } = usePane();
  return useSyncExternalStore(stage.subscribe, () => {
    const view = stage.view();
    return view === null ? null : read(view);
  });
}

const waiting: StageStatus = { isSharp: false, tiles: 'whole', hasFailed: false };

/** The status of a slide that is not on the screen yet. */
export const unopened = (): StageStatus => waiting;

export function useStageStatus(): StageStatus {
  const { stage } = usePane();
  return useSyncExternalStore(stage.subscribe, stage.status);
}

/** Keys of the active pane, before those of what is around it. A binding that returns `false` leaves the key to whoever is next. */
export function usePaneKeys(bindings: Bindings): void {
  useKeys(bindings, usePane().isActive, 'innermost');
}

/** What the pointer does on the slide: one tool at a time, by name; `null` moves the slide. */
export interface ToolChoice {
  tool: string | null;
  setTool: (tool: string | null) => void;
}

export const ToolContext = createContext<ToolChoice>({ tool: null, setTool: () => {} });

/** Whether no tool has the pointer: then keys are about what is selected. */
export function useIsIdle(): boolean {
  return useContext(ToolContext).tool === null;
}

/**
 * Whether a tool has the pointer of this pane, and what takes or leaves it. While one has it, dragging does not move the
 * slide. One that is of no use on this slide (`isPossible`) rests until there is another.
 */
export function useTool(name: string, isPossible = true): [isOn: boolean, toggle: () => void, leave: () => void] {
  const { stage, isActive } = usePane();
  const { tool, setTool } = useContext(ToolContext);
  const isOn = isActive && isPossible && tool === name;
  useEffect(() => {
    if (!isOn) return;
    stage.hold(true);
    return () => stage.hold(false);
  }, [stage, isOn]);
  const toggle = useCallback(() => {
    setTool(tool === name ? null : name);
    // Enter is to put a point, not to press the tool's button again.
    stage.osd.canvas.focus({ preventScroll: true });
  }, [stage, tool, setTool, name]);
  const leave = useCallback(() => setTool(null), [setTool]);
  return [isOn, toggle, leave];
}
