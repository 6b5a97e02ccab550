/** Saves an opinion while it is written: a while after the last word, one save at a time, the newest words last. */

const rest_ms = 1_000;

export type Saving = 'saved' | 'unsaved' | 'failed';

export class OpinionSaver {
  private readonly save: (text: string) => Promise<void>;
  private readonly changed: (state: Saving) => void;
  private waiting: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;
  private stopped = false;

  constructor(save: (text: string) => Promise<void>, changed: (state: Saving) => void) {
    this.save = save;
    this.changed = changed;
  }

  write(text: string): void {
    this.waiting = text;
    this.changed('unsaved');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), rest_ms);
  }

  /** Resolves when every word was sent, or could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    while (this.running !== null) await this.running;
    const text = this.waiting;
    if (text === null || this.stopped) return;
    this.waiting = null;
    this.running = this.save(text).then(
      () => {
        if (this.waiting === null) this.changed('saved');
      },
      () => {
        // The newest words are tried again with the next one, or when the page is left.
        this.waiting ??= text;
        this.changed('failed');
      },
    );
    await this.running;
    this.running = null;
  }

  /** Nothing is sent any more: the opinion was given. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}
