/** Hanging protocols: what is where when a study is opened, by modality and body part, as a table. */
import type { Series, StudyDetail } from '../../api/types';
import type { PresetName, Window } from './presets';
import { protocols, unlinked, type Cell, type Protocol } from './protocols';

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
  /** The same by name, where the stack is not known yet. */
  at?: { instance: string; frame: number };
  preset?: PresetName;
  /** As it was seen before, which counts instead of a preset. */
  window?: Window;
  /** Which of each image's own tables of greys, from 0. */
  table?: number;
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

/** What a picture is of, as it says itself: only pictures that stand for themselves, no sections. */
export interface Picture {
  /** Position among the studies. */
  study: number;
  seriesUid: string;
  /** Where its first frame is in the series' stack. */
  index: number;
  modality: string;
  side: 'L' | 'R' | null;
  view: 'CC' | 'MLO' | 'frontal' | 'lateral' | null;
}

const radiographs: readonly string[] = ['CR', 'DX'];

const mammography = [
  ['CC', 'R'],
  ['CC', 'L'],
  ['MLO', 'R'],
  ['MLO', 'L'],
] as const;

/** What is hung and stepped through; a series that was left out of the question is opened by its picture alone. */
export const imagesOf = (study: StudyDetail): Series[] => study.series.filter((series) => series.is_image && series.left_out !== true);

const scoutWords = /SCOUT|TOPOGRAM|LOCALI[SZ]ER|SURVIEW|SURVEY|PILOT|\bLOC\b|3.?PLANE|定位|DOSE (REPORT|INFO|SUMMARY)|PATIENT PROTOCOL|剂量(报告|表)|SMARTPREP|MONITORING/i;
const sectional: readonly string[] = ['CT', 'MR', 'PT', 'NM'];
/** A CT of so few images beside one of so many is a topogram or a table of doses, whatever it is called. */
const fewImages = { most: 3, besides: 20 };

/** Not what anybody has come to read: it only shows where the sections are, or how they were made. */
function isScout(series: Series, all: readonly Series[]): boolean {
  if (!sectional.includes(series.modality)) return false;
  const most = Math.max(...all.filter(({ modality }) => modality === series.modality).map(({ instance_count }) => instance_count));
  if (scoutWords.test(series.description) && series.instance_count < most) return true;
  return series.modality === 'CT' && series.instance_count <= fewImages.most && most >= fewImages.besides;
}

/** What a study is opened with: never its scout, unless that is all there is. */
export function readable(study: StudyDetail): Series[] {
  const all = imagesOf(study);
  const rest = all.filter((series) => !isScout(series, all));
  return rest.length > 0 ? rest : all;
}

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
  const [best] = readable(study)
    .map((series) => ({ series, score: likeness(series, one) }))
    .filter(({ score }) => score >= 0)
    .sort((a, b) => b.score - a.score);
  return best?.series ?? null;
}

const partOf = (study: StudyDetail) => readable(study).find(({ body_part }) => body_part !== '')?.body_part.toUpperCase() ?? '';

/** The earlier study to compare with: the newest of the same modality and body part, else the newest of the modality. 0 is none. */
export function priorOf(studies: readonly StudyDetail[]): number {
  const [current, ...earlier] = studies;
  const first = current === undefined ? undefined : readable(current)[0];
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
  const first = current === undefined ? undefined : readable(current)[0];
  if (current === undefined || first === undefined) return null;
  const { like } = cell;
  const wanted = (like === undefined ? undefined : readable(current).find((series) => series.modality === first.modality && like.test(series.description))) ?? first;
  const preset = cell.preset === undefined ? {} : { preset: cell.preset };
  if (cell.of === 'current') return { study: 0, seriesUid: wanted.series_instance_uid, ...preset };
  const earlier = studies[prior];
  const beside = prior === 0 || earlier === undefined ? null : seriesLike(earlier, wanted);
  return beside === null ? null : { study: prior, seriesUid: beside.series_instance_uid, ...preset };
}

function fits(protocol: Protocol, studies: readonly StudyDetail[], prior: number): boolean {
  const current = studies[0];
  const first = current === undefined ? undefined : readable(current)[0];
  if (current === undefined || first === undefined) return false;
  const { bodyPart, series = [] } = protocol;
  if (protocol.modalities.length > 0 && !protocol.modalities.includes(first.modality)) return false;
  if (bodyPart !== undefined && !says(first, current, bodyPart)) return false;
  if (protocol.withPrior && prior === 0) return false;
  const has = readable(current).filter(({ modality }) => modality === first.modality);
  return new Set(series.map((words) => has.find(({ description }) => words.test(description))).filter((one) => one !== undefined)).size === series.length;
}

const shown = ({ study, seriesUid, index }: Picture): Content => ({ study, seriesUid, index });

/** Right breasts on the left, each with its chest wall to the middle. */
function hangMammograms(pictures: readonly Picture[]): Arrangement | null {
  const cells = mammography.map(([view, side]): Content | null => {
    const found = pictures.find((one) => one.study === 0 && one.view === view && one.side === side);
    return found === undefined ? null : { ...shown(found), justify: side === 'R' ? 'right' : 'left' };
  });
  if (cells.filter((cell) => cell !== null).length < 2) return null;
  return { protocol: 'mammography', layout: '2x2', cells, links: { scroll: false, look: true } };
}

/** From the front and from the side beside each other; with a prior, that beside each. */
function hangRadiographs(pictures: readonly Picture[], prior: number): Arrangement | null {
  const of = (study: number, view: Picture['view']) => pictures.find((one) => one.study === study && one.view === view && radiographs.includes(one.modality));
  const [frontal, lateral] = [of(0, 'frontal'), of(0, 'lateral')];
  if (frontal === undefined || lateral === undefined) return null;
  const before = prior === 0 ? [] : [of(prior, 'frontal'), of(prior, 'lateral')];
  if (before.every((one) => one === undefined)) return { protocol: 'radiograph-two-views', layout: '1x2', cells: [frontal, lateral].map(shown), links: unlinked };
  const [first, second] = before.map((one) => (one === undefined ? null : shown(one)));
  return { protocol: 'radiograph-two-views-prior', layout: '2x2', cells: [shown(frontal), first ?? null, shown(lateral), second ?? null], links: unlinked };
}

/** The first pictures of an ultrasound examination at a glance. */
function hangUltrasound(pictures: readonly Picture[]): Arrangement | null {
  const own = pictures.filter(({ study, modality }) => study === 0 && modality === 'US');
  if (own.length < 2) return null;
  const layout = own.length < 3 ? '1x2' : '2x2';
  const cells = Array.from({ length: cellsOf[layout] }, (_, at) => (own[at] === undefined ? null : shown(own[at])));
  return { protocol: 'ultrasound-grid', layout, cells, links: unlinked };
}

/** `studies`: the current one first. `pictures`: what its images say of themselves, once that is known. */
export function hang(studies: readonly StudyDetail[], pictures: readonly Picture[] = []): Arrangement {
  const prior = priorOf(studies);
  const byPicture = hangMammograms(pictures) ?? hangRadiographs(pictures, prior) ?? hangUltrasound(pictures);
  if (byPicture !== null) return byPicture;
  const protocol = protocols.find((one) => fits(one, studies, prior));
  if (protocol === undefined) return { protocol: 'none', layout: '1x1', cells: [null], links: unlinked };
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
