/** Symbols of notes, as strokes on a 24 × 24 grid like the toolbar's others. */

const paths = {
  rectangle: 'M4 6h16v12H4z',
  ellipse: 'M12 5a9 7 0 1 0 0 14 9 7 0 1 0 0-14z',
  polygon: 'M5 9l8-5 7 7-5 9-9-1z',
  freehand: 'M4 14c2-9 7-11 11-9s6 8 3 12-9 3-10 0 4-5 6-2',
  line: 'M4 19 12 8l8-3',
  point: 'M12 3v6 M12 15v6 M3 12h6 M15 12h6 M12 11a1 1 0 1 0 0 2 1 1 0 1 0 0-2z',
  bookmark: 'M7 4h10v16l-5-4-5 4z',
  list: 'M4 6h2 M9 6h11 M4 12h2 M9 12h11 M4 18h2 M9 18h11',
  eye: 'M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6z M12 10a2 2 0 1 0 0 4 2 2 0 1 0 0-4z',
  pen: 'M4 20l1-5L16 4l4 4L9 19z M13 7l4 4',
  remove: 'M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13',
} as const;

export type NoteIconName = keyof typeof paths;

export function NoteIcon({ name }: { name: NoteIconName }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
