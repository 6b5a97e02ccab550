/** Hanging protocols: what is where when a study is opened, by modality and body part, as a table. */
import type { Series, StudyDetail } from '../../api/types';
import type { PresetName } from './presets';

export const layouts = ['1x1', '1x2', '2x1', '2x2'] as const;
export type Layout = (typeof layouts)[number];

export const cellsOf: Record<Layout, number> = { '1x1': 1, '1x2': 2, '2x1': 2, '2x2': 4 };

/** What one viewport shows. */
export interface Content {
  /** Position among the studies; 0 is the current one. */
  study: number;
  seriesUid: string;
  /** Image to begin with. */
  index?: number;
  preset?: PresetName;
  /** To which edge the image is pushed, so that two mammograms stand back to back. */
  justify?: 'left' | 'right';
}

export interface Links {
  /** By patient position. */
  scroll: boolean;
  /** Zoom, position and window. */
  look: boolean;
}

export interface Arrangement {
  protocol: string;
  layout: Layout;
  cells: (Content | null)[];
  links: Links;
}

/** What a mammogram is of, from its own image (PS3.3 §C.8.11.7). */
export interface Mammogram {
  seriesUid: string;
  index: number;
  side: 'L' | 'R';
  view: 'CC' | 'MLO';
}

interface Cell {
  of: 'current' | 'prior';
  /** Words in the series' description; without a match the first series. */
  like?: RegExp;
  preset?: PresetName;
}

interface Protocol {
  name: string;
  modalities: readonly string[];
  bodyPart?: RegExp;
  /** Whether there has to be an earlier study of the kind. */
  withPrior: boolean;
  /** Series of the current study that have to be there. */
  series?: readonly RegExp[];
  layout: Layout;
  cells: readonly Cell[];
  links: Links;
}

const chest = /CHEST|THORAX|LUNG|胸|肺/i;
const lung = /LUNG|肺/i;
const soft = /MEDIAST|SOFT|STANDARD|纵隔|软组织/i;
const sections = ['CT', 'MR', 'PT', 'NM'] as const;
const both: Links = { scroll: true, look: true };
const none: Links = { scroll: false, look: false };

/** The first that fits is taken. */
const protocols: readonly Protocol[] = [
  {
    name: 'chest-ct-prior-kernels',
    modalities: ['CT'],
    bodyPart: chest,
    withPrior: true,
    series: [lung, soft],
    layout: '2x2',
    cells: [
      { of: 'current', like: lung, preset: 'lung' },
      { of: 'prior', like: lung, preset: 'lung' },
      { of: 'current', like: soft, preset: 'mediastinum' },
      { of: 'prior', like: soft, preset: 'mediastinum' },
    ],
    links: { scroll: true, look: false },
  },
  {
    name: 'chest-ct-kernels',
    modalities: ['CT'],
    bodyPart: chest,
    withPrior: false,
    series: [lung, soft],
    layout: '1x2',
    cells: [
      { of: 'current', like: lung, preset: 'lung' },
      { of: 'current', like: soft, preset: 'mediastinum' },
    ],
    links: { scroll: true, look: false },
  },
  { name: 'sections-prior', modalities: sections, withPrior: true, layout: '1x2', cells: [{ of: 'current' }, { of: 'prior' }], links: both },
  { name: 'radiograph-prior', modalities: ['CR', 'DX'], withPrior: true, layout: '1x2', cells: [{ of: 'current' }, { of: 'prior' }], links: none },
  { name: 'one', modalities: [], withPrior: false, layout: '1x1', cells: [{ of: 'current' }], links: none },
];

const mammography = [
  ['CC', 'R'],
  ['CC', 'L'],
  ['MLO', 'R'],
  ['MLO', 'L'],
] as const;

export const imagesOf = (study: StudyDetail): Series[] => study.series.filter((series) => series.is_image);

function says(series: Series, study: StudyDetail, words: RegExp): boolean {
  return words.test(`${series.body_part} ${series.description} ${study.description}`);
}

/** How much a series of an earlier study is like one of the current study. */
function likeness(series: Series, one: Series): number {
  if (series.modality !== one.modality) return -1;
  const same = (a: string, b: string) => (a !== '' && a.toLowerCase() === b.toLowerCase() ? 1 : 0);
  return 4 * same(series.description, one.description) + 2 * same(series.body_part, one.body_part) + Math.min(series.instance_count / 1e4, 1);
}

export function seriesLike(study: StudyDetail, one: Series): Series | null {
  const [best] = imagesOf(study)
    .map((series) => ({ series, score: likeness(series, one) }))
    .filter(({ score }) => score >= 0)
    .sort((a, b) => b.score - a.score);
  return best?.series ?? null;
}

const partOf = (study: StudyDetail) => imagesOf(study).find(({ body_part }) => body_part !== '')?.body_part.toUpperCase() ?? '';

/** The earlier study to compare with: the newest of the same modality and body part, else the newest of the modality. 0 is none. */
export function priorOf(studies: readonly StudyDetail[]): number {
  const [current, ...earlier] = studies;
  const first = current === undefined ? undefined : imagesOf(current)[0];
  if (current === undefined || first === undefined) return 0;
  const fitting = earlier
    .map((study, index) => ({ study, index: index + 1 }))
    .filter(({ study }) => study.study_date <= current.study_date && imagesOf(study).some(({ modality }) => modality === first.modality))
    .sort((a, b) => b.study.study_date.localeCompare(a.study.study_date));
  const samePart = fitting.find(({ study }) => partOf(study) === partOf(current));
  // A radiograph of something else is no comparison; sections of unknown parts may well be.
  const isPlain = ['CR', 'DX', 'MG'].includes(first.modality);
  return (samePart ?? (isPlain ? undefined : fitting[0]))?.index ?? 0;
}

function content(studies: readonly StudyDetail[], prior: number, cell: Cell): Content | null {
  const current = studies[0];
  const first = current === undefined ? undefined : imagesOf(current)[0];
  if (current === undefined || first === undefined) return null;
  const { like } = cell;
  const wanted = (like === undefined ? undefined : imagesOf(current).find((series) => like.test(series.description))) ?? first;
  const preset = cell.preset === undefined ? {} : { preset: cell.preset };
  if (cell.of === 'current') return { study: 0, seriesUid: wanted.series_instance_uid, ...preset };
  const earlier = studies[prior];
  const beside = prior === 0 || earlier === undefined ? null : seriesLike(earlier, wanted);
  return beside === null ? null : { study: prior, seriesUid: beside.series_instance_uid, ...preset };
}

function fits(protocol: Protocol, studies: readonly StudyDetail[], prior: number): boolean {
  const current = studies[0];
  const first = current === undefined ? undefined : imagesOf(current)[0];
  if (current === undefined || first === undefined) return false;
  const { bodyPart, series = [] } = protocol;
  if (protocol.modalities.length > 0 && !protocol.modalities.includes(first.modality)) return false;
  if (bodyPart !== undefined && !says(first, current, bodyPart)) return false;
  if (protocol.withPrior && prior === 0) return false;
  return series.every((words) => imagesOf(current).some(({ description }) => words.test(description)));
}

/** Right breasts on the left, each with its chest wall to the middle. */
function hangMammograms(mammograms: readonly Mammogram[]): Arrangement | null {
  const cells = mammography.map(([view, side]): Content | null => {
    const found = mammograms.find((one) => one.view === view && one.side === side);
    if (found === undefined) return null;
    return { study: 0, seriesUid: found.seriesUid, index: found.index, justify: side === 'R' ? 'right' : 'left' };
  });
  if (cells.filter((cell) => cell !== null).length < 2) return null;
  return { protocol: 'mammography', layout: '2x2', cells, links: { scroll: false, look: true } };
}

/** `studies`: the current one first. `mammograms`: what its images say of themselves, once that is known. */
export function hang(studies: readonly StudyDetail[], mammograms: readonly Mammogram[] = []): Arrangement {
  const breasts = hangMammograms(mammograms);
  if (breasts !== null) return breasts;
  const prior = priorOf(studies);
  const protocol = protocols.find((one) => fits(one, studies, prior));
  if (protocol === undefined) return { protocol: 'none', layout: '1x1', cells: [null], links: none };
  return {
    protocol: protocol.name,
    layout: protocol.layout,
    cells: protocol.cells.map((cell) => content(studies, prior, cell)),
    links: protocol.links,
  };
}

/** The same contents in another layout; new cells take the series that follow, those without a cell go. */
export function relaid(arrangement: Arrangement, layout: Layout, studies: readonly StudyDetail[]): Arrangement {
  const kept = arrangement.cells.slice(0, cellsOf[layout]);
  const isShown = (seriesUid: string) => kept.some((cell) => cell?.seriesUid === seriesUid);
  const waiting = studies.flatMap((study, index) =>
    imagesOf(study)
      .filter(({ series_instance_uid: uid }) => !isShown(uid))
      .map((series): Content => ({ study: index, seriesUid: series.series_instance_uid })),
  );
  const cells = Array.from({ length: cellsOf[layout] }, (_, at) => kept[at] ?? waiting.shift() ?? null);
  return { ...arrangement, layout, cells };
}
