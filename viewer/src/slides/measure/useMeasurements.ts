/** The measurements on one slide: a person's own, kept in this browser. What others are to see is an annotation. */
import { useSyncExternalStore } from 'react';
import { useMe } from '../../session/useMe';
import type { Point } from '../stage/geometry';
import { keepShapes, readShapes } from './kept';
import type { Shape, ShapeKind } from './shapes';

export interface Measurements {
  shapes: readonly Shape[];
  selected: number | null;
}

class Store {
  private now: Measurements;
  private readonly listeners = new Set<() => void>();
  private next: number;

  constructor(
    before: readonly Shape[],
    private readonly keep: (shapes: readonly Shape[]) => void,
  ) {
    this.now = { shapes: before, selected: null };
    this.next = before.length + 1;
  }

  readonly read = (): Measurements => this.now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private become(now: Measurements): void {
    if (now.shapes !== this.now.shapes) this.keep(now.shapes);
    this.now = now;
    for (const listener of this.listeners) listener();
  }

  add(kind: ShapeKind, points: Point[]): void {
    const id = this.next;
    this.next += 1;
    this.become({ shapes: [...this.now.shapes, { id, kind, points }], selected: id });
  }

  select(id: number | null): void {
    if (id !== this.now.selected) this.become({ ...this.now, selected: id });
  }

  reshape(id: number, points: Point[]): void {
    this.become({ ...this.now, shapes: this.now.shapes.map((shape) => (shape.id === id ? { ...shape, points } : shape)) });
  }

  /** Removes what is selected, else what was drawn last; `false` when there is nothing. */
  remove(): boolean {
    const last = this.now.shapes.at(-1);
    if (last === undefined) return false;
    const id = this.now.selected ?? last.id;
    this.become({ shapes: this.now.shapes.filter((shape) => shape.id !== id), selected: null });
    return true;
  }
}

const stores = new Map<string, { width: number; store: Store }>();

export type MeasurementStore = Store;

/** In pixels of level 0, which is so many wide now: once it is another, what is kept is read anew. */
export function useMeasurements(slideId: string, width: number): [Measurements, MeasurementStore] {
  const person = useMe().person.id;
  const key = `${person} ${slideId}`;
  let now = stores.get(key);
  if (now?.width !== width) {
    now = { width, store: new Store(readShapes(person, slideId, width), (shapes) => keepShapes(person, slideId, width, shapes)) };
    stores.set(key, now);
  }
  const { store } = now;
  return [useSyncExternalStore(store.subscribe, store.read), store];
}
