/** What each key does where: the sheet of keys. A test holds it against the bindings of the pages (keySheet.test.ts). */

type Row = readonly string[];

/** By place and meaning; keys are spelled as in the bindings, a row of figures with a dash. */
export const sheet = {
  everywhere: { help: ['?'], worklist: ['g w'], leave: ['Escape'] },
  worklist: {
    move: ['j', 'k', 'ArrowUp', 'ArrowDown', 'Home', 'End'],
    open: ['Enter'],
    preview: ['Space', 'Escape'],
    claim: ['c'],
    search: ['/'],
    tabs: ['1–9'],
  },
  report: {
    sign: ['Ctrl+Enter'],
    next: ['n'],
    between: ['F2'],
    page: ['Ctrl+p'],
    priorReports: ['Ctrl+d'],
  },
  images: {
    scroll: ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'],
    presets: ['1–9'],
    view: ['w', 'z', 'p', 'u'],
    measureLines: ['l', 'a', 'c', 'y'],
    measureRegions: ['e', 'b', 'd', 't'],
    putDown: ['Escape'],
    removeMeasure: ['Delete', 'Backspace'],
    invert: ['i'],
    turnFlip: ['r', 'h', 'v'],
    reset: ['x'],
    series: ['[', ']'],
    viewport: ['ArrowLeft', 'ArrowRight'],
    layout: ['Alt+1–4'],
    linkStacks: ['s', 'Shift+s'],
    referenceLines: ['Shift+r'],
    keyImage: ['k'],
    mpr: ['m'],
    segments: ['o', 'Shift+o'],
    cine: ['Space', ',', '.'],
  },
  mpr: {
    mprPlanes: ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown'],
    mprSlab: ['+', '=', '-'],
    mprProjection: ['o'],
    presets: ['1–9'],
    reset: ['x'],
    mprClose: ['m', 'Escape'],
  },
  slide: {
    magnification: ['1–7'],
    step: ['+', '=', '-'],
    move4: ['ArrowLeft', 'ArrowUp', 'ArrowRight', 'ArrowDown'],
    turn: ['q', 'e'],
    quarter: ['Shift+q', 'Shift+e'],
    mirror: ['m'],
    upright: ['x'],
    measure: ['l', 'a', 'f', 'c'],
    notes: ['o', 'b'],
    drawWith: ['Alt+1–6'],
    point: ['Enter'],
    putDown: ['Escape'],
    remove: ['Delete', 'Backspace'],
    nextSlide: ['Tab', 'Shift+Tab', 'PageDown', 'PageUp'],
    beside: ['s'],
    link: ['k'],
    tray: ['t'],
    plane: ['[', ']'],
    unaltered: ['i'],
    region: ['F6'],
  },
  studies: { search: ['/'] },
  patients: {
    search: ['/'],
    move: ['j', 'k', 'ArrowUp', 'ArrowDown'],
    same: ['y'],
    different: ['n'],
    undo: ['u'],
  },
  assignment: { move: ['j', 'k', 'ArrowUp', 'ArrowDown'], open: ['Enter'], assign: ['a'] },
  orders: { day: ['[', ']'], today: ['t'], new: ['n'] },
  devices: { tabs: ['1–5'], new: ['n'] },
  deidentify: { search: ['/'], newProject: ['n'], export: ['Ctrl+Enter'] },
} as const satisfies Record<string, Record<string, Row>>;

/** What the fields themselves understand, and the pointer: no bindings of a page. */
const besides = {
  report: { phrases: ['Ctrl+k'], expand: ['/…', 'Tab'], choose: ['1–9', 'Delete'] },
  slide: { movePointer: ['Space', '↔'] },
} as const satisfies Partial<Record<keyof typeof sheet, Record<string, Row>>>;

export type Place = keyof typeof sheet;

const shown: Readonly<Record<string, string>> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  Delete: 'Del',
  PageUp: 'PgUp',
  PageDown: 'PgDn',
};
/** The same key as another that is named beside it, on other keyboards. */
const sameAs: Readonly<Record<string, string>> = { '=': '+', Backspace: 'Delete' };

const asPrinted = (key: string): string => shown[key] ?? key.replace(/^Ctrl\+[a-z]$/, (press) => press.toUpperCase().replace('CTRL', 'Ctrl'));

/** As it is printed on keyboards. */
export function label(keys: Row): string {
  return keys
    .filter((key) => !keys.includes(sameAs[key] ?? ''))
    .map(asPrinted)
    .join(' ');
}

type Meaning = { [P in Place]: keyof (typeof sheet)[P] }[Place] | { [P in keyof typeof besides]: keyof (typeof besides)[P] }[keyof typeof besides];

export const places = Object.keys(sheet) as Place[];

/** The rows of one place, in the order in which they are shown. */
export function rowsOf(place: Place): [Meaning, Row][] {
  const more: Partial<Record<Place, Record<string, Row>>> = besides;
  return Object.entries<Row>({ ...sheet[place], ...more[place] }) as [Meaning, Row][];
}
