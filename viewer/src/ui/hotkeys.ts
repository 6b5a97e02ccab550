/** Which binding a key press means. Sequences are two keys, as in `g w`. */

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** `Ctrl+Enter`, `g`, `?`, `ArrowDown`, `Space`: the spelling used in bindings. */
export function spell(press: KeyPress): string {
  const key = press.key === ' ' ? 'Space' : press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const control = press.ctrlKey || press.metaKey ? 'Ctrl+' : '';
  const alt = press.altKey ? 'Alt+' : '';
  return control + alt + key;
}

/** `Shift+q`, if there is a binding of that name; otherwise Shift says nothing that the character does not. */
export function withShift(press: KeyPress & { shiftKey: boolean }, bindings: readonly string[]): string | null {
  const spelled = `Shift+${spell(press)}`;
  return press.shiftKey && bindings.includes(spelled) ? spelled : null;
}

export type Match = { kind: 'run'; binding: string } | { kind: 'prefix'; prefix: string } | { kind: 'none' };

/** A full sequence wins over a single key; the first key of any sequence is kept as a prefix. */
export function match(bindings: readonly string[], prefix: string | null, pressed: string): Match {
  const sequence = prefix === null ? null : `${prefix} ${pressed}`;
  if (sequence !== null && bindings.includes(sequence)) return { kind: 'run', binding: sequence };
  if (bindings.includes(pressed)) return { kind: 'run', binding: pressed };
  if (bindings.some((binding) => binding.startsWith(`${pressed} `))) return { kind: 'prefix', prefix: pressed };
  return { kind: 'none' };
}
