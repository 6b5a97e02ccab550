/** The toolbar's symbols, as strokes on a 24 × 24 grid. */

const paths = {
  turnLeft: 'M4 9h9a6 6 0 1 1 0 12H8 M8 5 4 9l4 4',
  turnRight: 'M20 9h-9a6 6 0 1 0 0 12h5 M16 5l4 4-4 4',
  mirror: 'M12 3v18 M9 7 3 17h6z M15 7l6 10h-6z',
  distance: 'M4 20 20 4 M4 15v5h5 M15 4h5v5',
  angle: 'M20 19H4L15 5 M11 19a8 8 0 0 0-2.3-6',
  calibrate: 'M3 9h18v6H3z M7 9v3 M11 9v4 M15 9v3 M19 9v4',
  area: 'M5 8l8-4 7 7-4 8-10 1z',
  circle: 'M12 4a8 8 0 1 0 0 16 8 8 0 1 0 0-16z M12 11v2 M11 12h2',
  picture: 'M12 3a9 9 0 1 0 0 18z M12 3a9 9 0 0 1 0 18',
  beside: 'M3 5h8v14H3z M13 5h8v14h-8z',
  linked: 'M9 15l6-6 M8 11l-3 3a3.5 3.5 0 0 0 5 5l3-3 M11 8l3-3a3.5 3.5 0 0 1 5 5l-3 3',
  unlinked: 'M8 11l-3 3a3.5 3.5 0 0 0 5 5l3-3 M11 8l3-3a3.5 3.5 0 0 1 5 5l-3 3 M4 4l16 16',
  tray: 'M4 5h5v5H4z M4 14h5v5H4z M13 6h7 M13 9h7 M13 15h7 M13 18h7',
  copyLink: 'M8 8h11v12H8z M5 16V4h10',
  move: 'M12 3v18 M3 12h18 M9 6l3-3 3 3 M9 18l3 3 3-3 M6 9l-3 3 3 3 M18 9l3 3-3 3',
  remove: 'M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
