/** Keyboard bindings of a page, silent while somebody types or a dialog is open. */
import { useEffect, useRef } from 'react';
import { match, spell, withShift } from './hotkeys';

/** What a key does. `false` says that it means nothing here at the moment, so that it may mean something further out. */
export type Action = () => unknown;
export type Bindings = Record<string, Action>;

/** Keys of something within a page come before the page's own, and those of its parts before its own, whichever was there first. */
export type KeyRank = 'innermost' | 'within' | 'page';

/** Presses that a binding has taken, or that are meant for what lies over the page. */
const taken = new WeakSet<KeyboardEvent>();

const sequenceWindow_ms = 1_000;
/** What has a use for nearly every key: fields, sliders, and whatever lies in an opened box. */
const typing = 'input, textarea, select, [contenteditable="true"], [role="slider"], [role="dialog"]';
/** Keys by which nobody types. */
const writesNothing = /^(Ctrl\+|(Shift\+)?F\d)/;
/** A tab that has the focus is chosen already, so Enter and Space are free. */
const pressable = 'button:not([role="tab"]), a, summary, [role="menuitem"], [role="option"]';

/** Keys that mean something to the control that has the focus are left to it. */
function belongsToFocus(event: KeyboardEvent, pressed: string): boolean {
  if (!(event.target instanceof Element)) return false;
  if (event.target.closest(typing) !== null) return !writesNothing.test(pressed);
  if (pressed.startsWith('Arrow') && event.target.closest('[role="separator"]') !== null) return true;
  return (pressed === 'Enter' || pressed === 'Space') && event.target.closest(pressable) !== null;
}

/** A dialog or an open menu has the keyboard to itself. */
function keyboardIsTaken(): boolean {
  return document.querySelector('[role="dialog"][aria-modal="true"], [role="menu"]') !== null;
}

// Before anybody else: a menu that Escape has closed is gone by the time that the page hears of it.
if (typeof window !== 'undefined') {
  window.addEventListener('keydown', (event) => void (keyboardIsTaken() && taken.add(event)), { capture: true });
}

/** The image viewer's library swallows every key on its screen (`data-page-keys`); they are meant for the page. */
function isSwallowed(event: KeyboardEvent): boolean {
  return event.defaultPrevented && !(event.target instanceof Element && event.target.closest('[data-page-keys]') !== null);
}

export function useKeys(bindings: Bindings, enabled = true, rank: KeyRank = 'page'): void {
  const current = useRef(bindings);
  useEffect(() => {
    current.current = bindings;
  });
  useEffect(() => {
    if (!enabled) return;
    let prefix: string | null = null;
    let prefixAt = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || taken.has(event) || isSwallowed(event)) return;
      const names = Object.keys(current.current);
      const pressed = withShift(event, names) ?? spell(event);
      if (belongsToFocus(event, pressed)) return;
      const live = prefix !== null && event.timeStamp - prefixAt < sequenceWindow_ms ? prefix : null;
      const found = match(names, live, pressed);
      prefix = found.kind === 'prefix' ? found.prefix : null;
      prefixAt = event.timeStamp;
      if (found.kind !== 'run' || current.current[found.binding]?.() === false) return;
      taken.add(event);
      event.preventDefault();
    };
    // A press goes from the window to the document and from there to its target, then all the way back.
    const place = rank === 'innermost' ? window : document;
    const capture = rank !== 'page';
    place.addEventListener('keydown', onKey as EventListener, { capture });
    return () => place.removeEventListener('keydown', onKey as EventListener, { capture });
  }, [enabled, rank]);
}
