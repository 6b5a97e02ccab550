/**
 * The notes on one slide: what the server has, what is being changed here, and when to send. What is not sent yet is kept
 * in this browser, so that a cut line or a closed page loses nothing. Knows nothing of React; time and the server come in
 * as parameters.
 */
import { Problem } from '../../api/problem';
import type { Annotation, NoteAuthor, NoteDraft } from '../../api/slideNotes';

export type NoteState =
  | { kind: 'saved' }
  | { kind: 'unsaved' }
  | { kind: 'saving' }
  | { kind: 'offline' }
  | { kind: 'refused'; error: Problem }
  /** The same person has changed it elsewhere; one of both is to be chosen. */
  | { kind: 'conflict'; theirs: Annotation };

export interface Note extends NoteDraft {
  /** Stays the same from the first stroke on. */
  key: string;
  id: string | null;
  own: boolean;
  /** `null`: by whoever draws here, and not sent yet. */
  author: NoteAuthor | null;
  changed_at: string | null;
  state: NoteState;
}

/** What is not sent yet, as it is kept. */
export interface Unsent {
  key: string;
  id: string | null;
  version: number;
  draft: NoteDraft;
  removed: boolean;
}

export interface NotePorts {
  list: () => Promise<Annotation[]>;
  draw: (draft: NoteDraft) => Promise<Annotation>;
  change: (id: string, version: number, draft: NoteDraft) => Promise<Annotation>;
  remove: (id: string, version: number) => Promise<void>;
  keep: (unsent: Unsent[]) => void;
  newKey: () => string;
}

export interface Notes {
  notes: readonly Note[];
  /** Whether the list has come once. */
  isLoaded: boolean;
  /** The list as a whole: whether others' notes are up to date. */
  isReachable: boolean;
  selected: string | null;
}

interface Edit extends Unsent {
  state: NoteState;
  dirty: boolean;
  timer?: ReturnType<typeof setTimeout>;
  running: boolean;
}

const typingPause_ms = 800;
const retry_ms = 5_000;

export function draftOf({ kind, points, class: of, colour, text }: NoteDraft): NoteDraft {
  return { kind, points, class: of, colour, text };
}

function sameDraft(a: NoteDraft, b: NoteDraft): boolean {
  return (
    a.kind === b.kind && a.class === b.class && a.text.trim() === b.text.trim() && (a.colour === null || b.colour === null || a.colour === b.colour) && JSON.stringify(a.points) === JSON.stringify(b.points)
  );
}

export class NoteStore {
  private server = new Map<string, Annotation>();
  private readonly edits = new Map<string, Edit>();
  private readonly keys = new Map<string, string>();
  private readonly listeners = new Set<() => void>();
  private now: Notes = { notes: [], isLoaded: false, isReachable: true, selected: null };

  constructor(
    private readonly ports: NotePorts,
    unsent: readonly Unsent[],
  ) {
    for (const one of unsent) {
      if (one.id !== null) this.keys.set(one.id, one.key);
      this.edits.set(one.key, { ...one, state: { kind: 'unsaved' }, dirty: true, running: false });
    }
  }

  readonly read = (): Notes => this.now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Asks for the list; what is being changed here stays as it is here. */
  async refresh(): Promise<void> {
    try {
      const list = await this.ports.list();
      this.server = new Map(list.map((one) => [one.id, one]));
      this.tell({ isLoaded: true, isReachable: true });
      for (const edit of this.edits.values()) {
        if (edit.dirty && !edit.running && edit.timer === undefined && edit.state.kind !== 'conflict' && edit.state.kind !== 'refused') this.schedule(edit, 0);
      }
    } catch (error) {
      this.tell({ isReachable: false });
      if (error instanceof Problem) throw error;
    }
  }

  select(key: string | null): void {
    if (key !== this.now.selected) this.tell({ selected: key });
  }

  add(draft: NoteDraft): string {
    const edit: Edit = { key: this.ports.newKey(), id: null, version: 0, draft, removed: false, state: { kind: 'unsaved' }, dirty: true, running: false };
    this.edits.set(edit.key, edit);
    this.tell({ selected: edit.key });
    this.schedule(edit, 0);
    return edit.key;
  }

  change(key: string, part: Partial<NoteDraft>): void {
    const edit = this.editOf(key);
    if (edit === null) return;
    edit.draft = { ...edit.draft, ...part };
    edit.dirty = true;
    if (edit.state.kind !== 'conflict') edit.state = { kind: 'unsaved' };
    this.tell({});
    if (edit.state.kind !== 'conflict') this.schedule(edit, typingPause_ms);
  }

  remove(key: string): void {
    const edit = this.editOf(key);
    if (edit === null) return;
    clearTimeout(edit.timer);
    if (edit.id === null && !edit.running) this.edits.delete(key);
    else {
      edit.removed = true;
      edit.dirty = true;
      this.schedule(edit, 0);
    }
    this.tell({ selected: this.now.selected === key ? null : this.now.selected });
  }

  /** Ends a conflict. */
  choose(key: string, whose: 'mine' | 'theirs'): void {
    const edit = this.edits.get(key);
    if (edit?.state.kind !== 'conflict') return;
    if (whose === 'theirs') {
      this.edits.delete(key);
      this.tell({});
      return;
    }
    edit.version = edit.state.theirs.version;
    edit.state = { kind: 'unsaved' };
    this.schedule(edit, 0);
    this.tell({});
  }

  /** Sends what is unsent, at once. */
  flush(): void {
    for (const edit of this.edits.values()) {
      if (edit.dirty && edit.state.kind !== 'conflict') this.schedule(edit, 0);
    }
  }

  private editOf(key: string): Edit | null {
    const known = this.edits.get(key);
    if (known !== undefined) return known;
    const there = [...this.server.values()].find((one) => this.keyOf(one.id) === key && one.own);
    if (there === undefined) return null;
    const edit: Edit = { key, id: there.id, version: there.version, draft: draftOf(there), removed: false, state: { kind: 'saved' }, dirty: false, running: false };
    this.edits.set(key, edit);
    return edit;
  }

  private keyOf(id: string): string {
    return this.keys.get(id) ?? id;
  }

  private schedule(edit: Edit, pause_ms: number): void {
    clearTimeout(edit.timer);
    edit.timer = setTimeout(() => {
      edit.timer = undefined;
      void this.send(edit);
    }, pause_ms);
  }

  private async send(edit: Edit): Promise<void> {
    if (edit.running || !edit.dirty) return;
    edit.running = true;
    edit.dirty = false;
    const sent = edit.draft;
    edit.state = { kind: 'saving' };
    this.tell({});
    try {
      await (edit.removed ? this.sendRemoval(edit) : this.sendDraft(edit, sent));
      edit.running = false;
      if (edit.dirty) {
        edit.state = { kind: 'unsaved' };
        this.schedule(edit, typingPause_ms);
      } else this.edits.delete(edit.key);
    } catch (error) {
      edit.running = false;
      edit.dirty = true;
      await this.failed(edit, error);
    }
    this.tell({});
  }

  private async sendDraft(edit: Edit, draft: NoteDraft): Promise<void> {
    const wasLost = edit.id === null && edit.version === -1 ? await this.findLost(draft) : null;
    const kept = wasLost ?? (edit.id === null ? await this.ports.draw(draft) : await this.ports.change(edit.id, edit.version, draft));
    this.keys.set(kept.id, edit.key);
    this.server.set(kept.id, kept);
    [edit.id, edit.version] = [kept.id, kept.version];
  }

  /** A note whose answer got lost on the way may be there already. */
  private async findLost(draft: NoteDraft): Promise<Annotation | null> {
    const list = await this.ports.list();
    return list.find((one) => one.own && !this.keys.has(one.id) && sameDraft(one, draft)) ?? null;
  }

  private async sendRemoval(edit: Edit): Promise<void> {
    if (edit.id === null) return;
    try {
      await this.ports.remove(edit.id, edit.version);
    } catch (error) {
      // It is gone already: that is what was wanted.
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    }
    this.server.delete(edit.id);
  }

  private async failed(edit: Edit, error: unknown): Promise<void> {
    if (!(error instanceof Problem) || error.status === 503) {
      edit.state = { kind: 'offline' };
      // The server may have taken it: the next try looks first.
      if (edit.id === null) edit.version = -1;
      this.schedule(edit, retry_ms);
      return;
    }
    edit.state = { kind: 'refused', error };
    if (error.status !== 412) return;
    try {
      const theirs = (await this.ports.list()).find((one) => one.id === edit.id);
      if (theirs === undefined) return;
      this.server.set(theirs.id, theirs);
      if (!edit.removed && sameDraft(theirs, edit.draft)) {
        edit.dirty = false;
        this.edits.delete(edit.key);
      } else edit.state = { kind: 'conflict', theirs };
      edit.removed = false;
    } catch {
      edit.state = { kind: 'offline' };
      this.schedule(edit, retry_ms);
    }
  }

  private tell(part: Partial<Notes>): void {
    const unsent = [...this.edits.values()].filter((edit) => edit.dirty || edit.running);
    this.ports.keep(unsent.map(({ key, id, version, draft, removed }) => ({ key, id, version, draft, removed })));
    this.now = { ...this.now, ...part, notes: this.merged() };
    for (const listener of this.listeners) listener();
  }

  private merged(): Note[] {
    const notes: Note[] = [];
    const shown = new Set<string>();
    for (const one of this.server.values()) {
      const key = this.keyOf(one.id);
      const edit = this.edits.get(key);
      shown.add(key);
      if (edit?.removed === true && edit.state.kind !== 'refused') continue;
      const { id, own, author, changed_at } = one;
      notes.push({ ...(edit?.draft ?? draftOf(one)), key, id, own, author, changed_at, state: edit?.state ?? { kind: 'saved' } });
    }
    for (const edit of this.edits.values()) {
      if (shown.has(edit.key) || edit.removed) continue;
      notes.push({ ...edit.draft, key: edit.key, id: edit.id, own: true, author: null, changed_at: null, state: edit.state });
    }
    return notes;
  }
}
