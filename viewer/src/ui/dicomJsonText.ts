/** Values out of DICOM JSON (PS3.18 Annex F), as text. */
import type { DicomJson, JsonValue } from '../api/types';

function first(of: DicomJson, tag: string): JsonValue | undefined {
  return of[tag]?.Value?.[0];
}

/** The first value; empty when there is none. */
export function jsonText(of: DicomJson, tag: string): string {
  const value = first(of, tag);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** One component group of a name as it stands, such as `张^三`. */
export function jsonNameGroup(of: DicomJson, tag: string, group: 'Alphabetic' | 'Ideographic'): string {
  const value = first(of, tag);
  const said = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[group] : undefined;
  return typeof said === 'string' ? said : '';
}

/** A name as it was sent, component groups separated by `=`. */
export function jsonName(of: DicomJson, tag: string): string {
  const ideographic = jsonNameGroup(of, tag, 'Ideographic');
  const alphabetic = jsonNameGroup(of, tag, 'Alphabetic');
  return ideographic === '' ? alphabetic : `${alphabetic}=${ideographic}`;
}

/** The first item of a sequence. */
export function jsonItem(of: DicomJson, tag: string): DicomJson {
  const value = first(of, tag);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as unknown as DicomJson) : {};
}
