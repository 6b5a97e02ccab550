/** The measurements that are on the screen: read from Cornerstone's annotations, and put there. */
import { eventTarget, type Types } from '@cornerstonejs/core';
import { Enums, annotation, type Types as ToolTypes } from '@cornerstonejs/tools';
import type { Measurement } from '../../api/measurements';
import { imagePlaneOf } from './imagePlane';
import { around, frameOf, pixelOf, toImage, toWorld, valuesOf } from './measured';
import type { Stats } from './measureText';
import { otherWidth, withPixel } from './Stage';
import type { StackView } from './StackView';
import { measureToolNamed, toolName } from './tools';

type Annotation = ToolTypes.Annotation;

/** Of one's own; what others have measured is on the screen, too, and cannot be moved. */
const others = new Set<string>();
/** UIDs that are kept for annotations whose own names are none. */
const uids = new Map<string, string>();

function statsOn(one: Annotation): Stats {
  return Object.values((one.data['cachedStats'] ?? {}) as Record<string, Stats>)[0] ?? {};
}

function measurementOf(one: Annotation, newUid: () => string): (Measurement & { study: string }) | null {
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

/** Everything of one's own, by `org/study`. An arrow without its word is not finished yet. */
export function ownMeasurements(newUid: () => string): Map<string, Measurement[]> {
  const found = new Map<string, Measurement[]>();
  for (const one of annotation.state.getAllAnnotations()) {
    if (others.has(one.annotationUID ?? '')) continue;
    const made = measurementOf(one, newUid);
    if (made === null || (made.kind === 'arrow' && made.text === '') || (made.kind !== 'arrow' && made.values.length === 0)) continue;
    const { study, ...measurement } = made;
    found.set(study, [...(found.get(study) ?? []), measurement]);
  }
  return found;
}

export const isOnScreen = (id: string): boolean =>
  annotation.state.getAllAnnotations().some((one) => one.annotationUID === id || uids.get(one.annotationUID ?? '') === id);

function annotationNamed(id: string): Annotation | undefined {
  return annotation.state.getAllAnnotations().find((one) => one.annotationUID === id || uids.get(one.annotationUID ?? '') === id);
}

/** Puts a saved measurement on its image. */
export function putOnScreen(view: StackView, imageId: string, measurement: Measurement, own: boolean): void {
  const plane = imagePlaneOf(imageId);
  if (plane === null || isOnScreen(measurement.id)) return;
  const { viewPlaneNormal, viewUp } = view.viewport.getCamera();
  const frameOfReference = view.viewport.getFrameOfReferenceUID();
  if (!own) others.add(measurement.id);
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
}

const othersStyle = { color: 'rgb(147, 197, 253)', colorLocked: 'rgb(147, 197, 253)', textBoxColorLocked: 'rgb(147, 197, 253)' };

export function removeFromScreen(id: string): void {
  const one = annotationNamed(id);
  if (one?.annotationUID !== undefined) annotation.state.removeAnnotation(one.annotationUID);
}

/** The one that is selected, else the one that was made last. */
export function removeSelected(): boolean {
  // The library keeps in its selection what has been removed.
  const selected = annotation.selection.getAnnotationsSelected().filter((uid) => !others.has(uid) && annotation.state.getAnnotation(uid) !== undefined);
  const last = annotation.state
    .getAllAnnotations()
    .filter((one) => measureToolNamed(one.metadata?.toolName ?? '') !== null && !others.has(one.annotationUID ?? ''))
    .at(-1)?.annotationUID;
  const uid = selected[0] ?? last;
  if (uid === undefined) return false;
  annotation.state.removeAnnotation(uid);
  return true;
}

/** Nothing of one patient stays for the next. */
export function clearScreen(): void {
  annotation.state.removeAllAnnotations();
  others.clear();
  uids.clear();
}

/** Tells when anything was measured, moved, computed or removed; returns what ends that. */
export function whenMeasured(tell: () => void): () => void {
  const events = [Enums.Events.ANNOTATION_COMPLETED, Enums.Events.ANNOTATION_MODIFIED, Enums.Events.ANNOTATION_REMOVED];
  events.forEach((name) => eventTarget.addEventListener(name, tell));
  return () => events.forEach((name) => eventTarget.removeEventListener(name, tell));
}
