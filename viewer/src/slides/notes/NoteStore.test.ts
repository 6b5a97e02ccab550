import { beforeEach, expect, test, vi } from 'vitest';
import { Problem, Unreachable } from '../../api/problem';
import type { Annotation, NoteDraft } from '../../api/slideNotes';
import { NoteStore, type NotePorts, type Unsent } from './NoteStore';

const draft: NoteDraft = { kind: 'point', points: [[1, 2]], class: 'attention', colour: null, text: '' };
const author = { id: 'li', name: '李敏', organisation: { id: 'township', name: '卫生院' }, on_behalf: null };

function annotation(id: string, part: Partial<Annotation> = {}): Annotation {
  return { ...draft, colour: '#facc15', id, version: 1, author, own: true, created_at: '', changed_at: '', ...part };
}

/** A server in memory that can be cut off. */
class Server implements NotePorts {
  notes = new Map<string, Annotation>();
  kept: Unsent[] = [];
  isCut = false;
  losesAnswers = false;
  private next = 1;

  private answer<T>(value: T): Promise<T> {
    if (this.isCut || this.losesAnswers) return Promise.reject(new Unreachable());
    return Promise.resolve(value);
  }

  list = () => this.answer([...this.notes.values()]);

  draw = (draft: NoteDraft) => {
    if (this.isCut) return Promise.reject(new Unreachable());
    const made = annotation(`a${this.next++}`, { ...draft, colour: draft.colour ?? '#facc15' });
    this.notes.set(made.id, made);
    return this.answer(made);
  };

  change = (id: string, version: number, draft: NoteDraft) => {
    if (this.isCut) return Promise.reject(new Unreachable());
    const before = this.notes.get(id);
    if (before === undefined) return Promise.reject(new Problem(404, {}));
    if (before.version !== version) return Promise.reject(new Problem(412, {}));
    const after = { ...before, ...draft, colour: draft.colour ?? before.colour, version: version + 1 };
    this.notes.set(id, after);
    return this.answer(after);
  };

  remove = (id: string, version: number) => {
    if (this.isCut) return Promise.reject(new Unreachable());
    if (this.notes.get(id)?.version !== version) return Promise.reject(new Problem(412, {}));
    this.notes.delete(id);
    return this.answer(undefined);
  };

  keep = (unsent: Unsent[]) => {
    this.kept = unsent;
  };

  newKey = () => `new-${this.next++}`;
}

beforeEach(() => {
  vi.useFakeTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('what is drawn is sent at once, and words when the typing pauses', async () => {
  const server = new Server();
  const store = new NoteStore(server, []);
  const key = store.add(draft);
  expect(store.read().selected).toBe(key);
  await pass(0);
  expect([...server.notes.values()].map(({ text }) => text)).toEqual(['']);
  store.change(key, { text: '看' });
  await pass(100);
  store.change(key, { text: '看这里' });
  expect(store.read().notes[0]?.state.kind).toBe('unsaved');
  expect(server.kept).toHaveLength(1);
  await pass(1_000);
  expect([...server.notes.values()].map(({ text, version }) => [text, version])).toEqual([['看这里', 2]]);
  expect(store.read().notes.map(({ key: same, state }) => [same, state.kind])).toEqual([[key, 'saved']]);
  expect(server.kept).toEqual([]);
});

test('a cut line keeps every word until it is back, also over a new page', async () => {
  const server = new Server();
  server.isCut = true;
  const first = new NoteStore(server, []);
  const key = first.add(draft);
  first.change(key, { text: '断线' });
  await pass(1_000);
  expect(first.read().notes[0]?.state.kind).toBe('offline');
  const store = new NoteStore(server, structuredClone(server.kept));
  server.isCut = false;
  await store.refresh();
  await pass(0);
  expect([...server.notes.values()].map(({ text }) => text)).toEqual(['断线']);
  expect(server.kept).toEqual([]);
});

test('a note whose answer was lost is not drawn twice', async () => {
  const server = new Server();
  server.losesAnswers = true;
  const store = new NoteStore(server, []);
  store.add({ ...draft, text: '一次' });
  await pass(0);
  expect(server.notes.size).toBe(1);
  server.losesAnswers = false;
  await pass(6_000);
  expect(server.notes.size).toBe(1);
  expect(store.read().notes.map(({ state }) => state.kind)).toEqual(['saved']);
});

test('what was changed elsewhere is not overwritten before somebody has chosen', async () => {
  const server = new Server();
  server.notes.set('a', annotation('a', { text: '原' }));
  const store = new NoteStore(server, []);
  await store.refresh();
  store.change('a', { text: '这里' });
  server.notes.set('a', annotation('a', { text: '那里', version: 2 }));
  await pass(1_000);
  expect(store.read().notes[0]).toMatchObject({ text: '这里', state: { kind: 'conflict', theirs: { text: '那里' } } });
  store.choose('a', 'mine');
  await pass(0);
  expect(server.notes.get('a')).toMatchObject({ text: '这里', version: 3 });
});

test("others' notes are shown and not changed; what is deleted is gone", async () => {
  const server = new Server();
  server.notes.set('a', annotation('a', { own: false }));
  server.notes.set('b', annotation('b'));
  const store = new NoteStore(server, []);
  await store.refresh();
  store.change('a', { text: 'x' });
  store.remove('a');
  store.remove('b');
  expect(store.read().notes.map(({ key }) => key)).toEqual(['a']);
  await pass(0);
  expect([...server.notes.keys()]).toEqual(['a']);
});
