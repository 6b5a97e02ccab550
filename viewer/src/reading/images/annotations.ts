/** The measurements that are on the screen: read from Cornerstone's annotations, and put there. */
import { eventTarget, type Types } from '@cornerstonejs/core';
import { Enums, annotation, type Types as ToolTypes } from '@cornerstonejs/tools';
import type { Measurement } from '../../api/measurements';
import { newUid } from '../../api/uid';
import { imagePlaneOf } from './imagePlane';
import type { Drawn } from './keyFrame';
import { around, frameOf, pixelOf, statsOf, toImage, toWorld, valuesOf } from './measured';
import type { Stats } from './measureText';
import { linesOf, otherWidth, withPixel } from './Stage';
import type { StackView } from './StackView';
import { measureToolNamed, toolName } from './tools';

type Annotation = ToolTypes.Annotation;

/** Of one's own; what others have measured is on the screen, too, and cannot be moved. */
const others = new Set<string>();
/** UIDs that are kept for annotations whose own names are none. */
const uids = new Map<string, string>();
type Placed = Measurement & { study: string };
/** Own ones as they were saved: what the library has not drawn yet, it has computed nothing of. */
const kept = new Map<string, Placed>();
/** UIDs of annotations in the order in which they were finished. */
const finished: string[] = [];

/** Nothing between a move and the next picture, with which it is computed anew: what was computed before is of other points. */
function statsOn(one: Annotation): Stats {
  if (one.invalidated === true) return {};
  return Object.values((one.data['cachedStats'] ?? {}) as Record<string, Stats>)[0] ?? {};
}

function measurementOf(one: Annotation, newUid: () => string): Placed | null {
  const kind = measureToolNamed(one.metadata?.toolName ?? '');
  const imageId = one.metadata?.referencedImageId;
  const points = one.data.handles?.points as Types.Point3[] | undefined;
  const uid = one.annotationUID;
  if (kind === null || imageId === undefined || points === undefined || uid === undefined) return null;
  const [frame, plane] = [frameOf(imageId), imagePlaneOf(imageId)];
  const needed = kind === 'angle' ? 3 : kind === 'cobb' ? 4 : 1;
  if (frame === null || plane === null || points.length < needed) return null;
  const id = uids.get(uid) ?? (uid.startsWith('2.25.') ? uid : newUid());
  uids.set(uid, id);
  const stats = kind === 'probe' ? withPixel(statsOn(one), imageId) : statsOn(one);
  return {
    id,
    kind,
    study: `${frame.org}/${frame.study}`,
    series: frame.series,
    instance: frame.instance,
    frame: frame.frame,
    points: pixelOf(kind, stats) ?? around(kind, points).map((point) => toImage(plane, point)),
    values: valuesOf(kind, stats, kind === 'ratio' ? otherWidth(uid, imageId) : null),
    text: kind === 'arrow' ? (one.data['label'] as string | undefined) ?? '' : '',
  };
}

/** What is on the image, or, of an image that has not been drawn, what was saved of it. */
function savedOr(made: Placed | null, was: Placed | undefined): Placed | null {
  if (was === undefined) return made;
  return made === null || (made.kind !== 'arrow' && made.values.length === 0) ? was : made;
}

/** Everything of one's own, by `org/study`. An arrow without its word is not finished yet. */
export function ownMeasurements(newUid: () => string): Map<string, Measurement[]> {
  const found = new Map<string, Measurement[]>();
  for (const one of annotation.state.getAllAnnotations()) {
    if (others.has(one.annotationUID ?? '')) continue;
    const made = savedOr(measurementOf(one, newUid), kept.get(one.annotationUID ?? ''));
    if (made === null || (made.kind === 'arrow' && made.text === '') || (made.kind !== 'arrow' && made.values.length === 0)) continue;
    const { study, ...measurement } = made;
    found.set(study, [...(found.get(study) ?? []), measurement]);
  }
  return found;
}

/** What is drawn on an image, one's own and others', with the words beside it. */
export function drawnOn(imageId: string): Drawn[] {
  return annotation.state.getAllAnnotations().flatMap((one): Drawn[] => {
    if (one.metadata?.referencedImageId !== imageId) return [];
    const uid = one.annotationUID ?? '';
    const made = savedOr(measurementOf(one, newUid), kept.get(uid));
    if (made === null || (made.kind === 'arrow' && made.text === '')) return [];
    const lines = made.kind === 'arrow' ? [made.text] : linesOf(made.kind, uid, statsOf(made), imageId);
    return made.kind !== 'arrow' && lines.length === 0 ? [] : [{ kind: made.kind, points: made.points, lines }];
  });
}

export const isOnScreen = (id: string): boolean =>
  annotation.state.getAllAnnotations().some((one) => one.annotationUID === id || uids.get(one.annotationUID ?? '') === id);

function annotationNamed(id: string): Annotation | undefined {
  return annotation.state.getAllAnnotations().find((one) => one.annotationUID === id || uids.get(one.annotationUID ?? '') === id);
}

/** Puts a saved measurement on its image; `false` when the image has no plane to put it on. */
export function putOnScreen(view: StackView, imageId: string, measurement: Measurement, own: boolean): boolean {
  const [frame, plane] = [frameOf(imageId), imagePlaneOf(imageId)];
  if (frame === null || plane === null) return false;
  if (isOnScreen(measurement.id)) return true;
  const { viewPlaneNormal, viewUp } = view.viewport.getCamera();
  const frameOfReference = view.viewport.getFrameOfReferenceUID();
  if (own) kept.set(measurement.id, { ...measurement, study: `${frame.org}/${frame.study}` });
  else others.add(measurement.id);
  const corner: Types.Point3 = [0, 0, 0];
  annotation.state.addAnnotation(
    {
      annotationUID: measurement.id,
      highlighted: false,
      invalidated: true,
      isLocked: !own,
      isVisible: true,
      metadata: {
        toolName: toolName(measurement.kind),
        referencedImageId: imageId,
        ...(viewPlaneNormal === undefined ? {} : { viewPlaneNormal }),
        ...(viewUp === undefined ? {} : { viewUp }),
        FrameOfReferenceUID: frameOfReference ?? '',
      },
      data: {
        label: measurement.text,
        text: measurement.text,
        handles: {
          points: around(measurement.kind, measurement.points).map((point) => toWorld(plane, point)),
          activeHandleIndex: null,
          arrowFirst: true,
          textBox: {
            hasMoved: false,
            worldPosition: corner,
            worldBoundingBox: { topLeft: corner, topRight: corner, bottomLeft: corner, bottomRight: corner },
          },
        },
        cachedStats: {},
      },
    } as unknown as Annotation,
    view.element,
  );
  if (!own) annotation.config.style.setAnnotationStyles(measurement.id, othersStyle);
  return true;
}

const othersStyle = { color: 'rgb(147, 197, 253)', colorLocked: 'rgb(147, 197, 253)', textBoxColorLocked: 'rgb(147, 197, 253)' };

export function removeFromScreen(id: string): void {
  const one = annotationNamed(id);
  if (one?.annotationUID !== undefined) removeAnnotation(one.annotationUID);
}

function removeAnnotation(uid: string): void {
  kept.delete(uid);
  annotation.state.removeAnnotation(uid);
}

/** The one that is selected, else the one that was finished last of those on the images that are seen. */
export function removeSelected(seen: ReadonlySet<string>): boolean {
  // The library keeps in its selection what has been removed.
  const selected = annotation.selection.getAnnotationsSelected().filter((uid) => !others.has(uid) && annotation.state.getAnnotation(uid) !== undefined);
  const last = finished.findLast((uid) => {
    const imageId = annotation.state.getAnnotation(uid)?.metadata?.referencedImageId;
    return imageId !== undefined && seen.has(imageId);
  });
  const uid = selected[0] ?? last;
  if (uid === undefined) return false;
  removeAnnotation(uid);
  return true;
}

/** Nothing of one patient stays for the next. */
export function clearScreen(): void {
  annotation.state.removeAllAnnotations();
  others.clear();
  uids.clear();
  kept.clear();
  finished.length = 0;
}

function remember(event: unknown): void {
  const { annotation: one } = (event as ToolTypes.EventTypes.AnnotationCompletedEventType).detail;
  if (one.annotationUID !== undefined && measureToolNamed(one.metadata?.toolName ?? '') !== null) finished.push(one.annotationUID);
}

/** Tells when anything was measured, moved, computed or removed; returns what ends that. */
export function whenMeasured(tell: () => void): () => void {
  const events = [Enums.Events.ANNOTATION_COMPLETED, Enums.Events.ANNOTATION_MODIFIED, Enums.Events.ANNOTATION_REMOVED];
  events.forEach((name) => eventTarget.addEventListener(name, tell));
  eventTarget.addEventListener(Enums.Events.ANNOTATION_COMPLETED, remember);
  return () => {
    events.forEach((name) => eventTarget.removeEventListener(name, tell));
    eventTarget.removeEventListener(Enums.Events.ANNOTATION_COMPLETED, remember);
  };
}
