/** One key from the images to the words about them, and back. Whichever the template is: what is looked for are its fields. */
import type { FocusEvent, KeyboardEvent } from 'react';

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
const fieldsOf = 'input, select, textarea';

/** Where one wrote last. */
let left: Element | null = null;

/** A dialog that a field has opened is no part of the text, though its events come by here. */
const isWithin = (event: FocusEvent<HTMLElement> | KeyboardEvent<HTMLElement>): boolean => event.currentTarget.contains(event.target as Node);

/** What the element around the fields is given. */
export const reportText = {
  'data-report-text': true,
  onBlur: (event: FocusEvent<HTMLElement>) => {
    if (isWithin(event) && event.target.matches(fieldsOf)) left = event.target;
  },
  onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === 'Escape' && !event.nativeEvent.isComposing && isWithin(event)) toImages();
  },
};

function isEmpty(field: Field, among: readonly Field[]): boolean {
  if (field.type !== 'radio' && field.type !== 'checkbox') return field.value.trim() === '';
  return !among.some((one) => one.name === field.name && (one as HTMLInputElement).checked);
}

function toImages(): void {
  const page = document.querySelector('main');
  // In a window of its own the report has the images in the one that opened it, and keeps its place meanwhile.
  if (page === null) (window.opener as Window | null)?.focus();
  else page.focus({ preventScroll: true });
}

/** To the field where one wrote last, else to the first that is empty; from a field back to the images. `false`: nothing is written here. */
export function turnToReport(): boolean {
  const text = document.querySelector('[data-report-text]');
  const fields = [...(text?.querySelectorAll<Field>(fieldsOf) ?? [])].filter(({ tabIndex, disabled }) => tabIndex >= 0 && !disabled);
  if (text === null || fields.length === 0) return false;
  if (text.contains(document.activeElement)) toImages();
  else (fields.find((field) => field === left) ?? fields.find((field) => isEmpty(field, fields)) ?? fields[0])?.focus();
  return true;
}
