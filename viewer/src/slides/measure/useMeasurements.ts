/** The measurements on one slide. They live as long as the page; what is to be kept is an annotation. */
import { useSyncExternalStore } from 'react';
import type { Point } from '../stage/geometry';
import type { Shape, ShapeKind } from './shapes';

export interface Measurements {
  shapes: readonly Shape[];
  selected: number | null;
}

class Store {
  private now: Measurements = { shapes: [], selected: null };
  private readonly listeners = new Set<() => void>();
  private next = 1;

  readonly read = (): Measurements => this.now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private become(now: Measurements): void {
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

const stores = new Map<string, Store>();

export type MeasurementStore = Store;

export function useMeasurements(slideId: string): [Measurements, MeasurementStore] {
  let store = stores.get(slideId);
  if (store === undefined) {
    store = new Store();
    stores.set(slideId, store);
  }
  return [useSyncExternalStore(store.subscribe, store.read), store];
}
