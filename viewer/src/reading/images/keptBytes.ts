/** What was fetched, as bytes within a budget: what was not used for longest goes first. */
export class KeptBytes {
  /** In the order of their last use. */
  private readonly kept = new Map<string, Uint8Array>();
  private bytes = 0;

  constructor(private readonly budget_bytes: number) {}

  get size_bytes(): number {
    return this.bytes;
  }

  has(key: string): boolean {
    return this.kept.has(key);
  }

  get(key: string): Uint8Array | undefined {
    const bytes = this.kept.get(key);
    if (bytes === undefined) return undefined;
    this.kept.delete(key);
    this.kept.set(key, bytes);
    return bytes;
  }

  /** Of something that is not kept yet; the newest stays, however large it is. */
  keep(key: string, bytes: Uint8Array): void {
    this.kept.set(key, bytes);
    this.bytes += bytes.length;
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= this.budget_bytes || oldest === key) return;
      this.kept.delete(oldest);
      this.bytes -= old.length;
    }
  }
}
