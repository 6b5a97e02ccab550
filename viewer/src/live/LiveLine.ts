/**
 * One WebSocket to the server that says what changed. It comes back by itself after a break, with the last event it has
 * heard, so that nothing is missed; who was away for too long is told to ask for everything again.
 */

export interface LiveMessage {
  seq: number;
  /** `hello`, `beat`, `resync`, or what changed. */
  what: string;
  id?: string;
  org?: string;
  state?: string;
}

export type LineState = 'connecting' | 'up' | 'down';

/** The server says something at least this often; a line that is silent for longer is dead. */
const silence_ms = 40_000;
const pause_ms = { first: 1_000, longest: 30_000 };
/** The server's word for: the session has ended. */
export const sessionEnded = 4001;

export interface LineParts {
  open: (after: number | null) => WebSocket;
  onChange: (message: LiveMessage) => void;
  onState: (state: LineState) => void;
  /** Resolves with whether somebody has logged in again. */
  onSessionEnded: () => Promise<boolean>;
  random: () => number;
}

export class LiveLine {
  private socket: WebSocket | null = null;
  private after: number | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;

  constructor(private readonly parts: LineParts) {}

  start(): void {
    this.parts.onState('connecting');
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.socket?.close();
    this.socket = null;
  }

  /** Tries at once: the network is back, or the page is looked at again. */
  hurry(): void {
    if (this.stopped || this.socket !== null) return;
    clearTimeout(this.timer);
    this.connect();
  }

  private connect(): void {
    const socket = this.parts.open(this.after);
    this.socket = socket;
    this.listen();
    socket.onmessage = (event) => {
      if (this.socket === socket) this.hear(String(event.data));
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      clearTimeout(this.silence);
      this.parts.onState('down');
      if (event.code === sessionEnded) void this.again();
      else this.later();
    };
  }

  private hear(text: string): void {
    this.listen();
    const message = read(text);
    if (message === null) return;
    this.failures = 0;
    const isFirst = this.after === null;
    this.after = message.seq;
    if (message.what === 'hello') {
      this.parts.onState('up');
      // What changed since the page first asked, and before the line was there, nobody has said.
      if (isFirst) this.parts.onChange({ ...message, what: 'resync' });
    }
    else if (message.what !== 'beat') this.parts.onChange(message);
  }

  private listen(): void {
    clearTimeout(this.silence);
    const socket = this.socket;
    this.silence = setTimeout(() => {
      if (this.socket !== socket || socket === null) return;
      // A dead line may take minutes to close.
      this.socket = null;
      socket.close();
      this.parts.onState('down');
      this.later();
    }, silence_ms);
  }

  private later(): void {
    if (this.stopped) return;
    const pause = Math.min(pause_ms.longest, pause_ms.first * 2 ** this.failures);
    this.failures += 1;
    // Not all at the same moment after the server was restarted.
    this.timer = setTimeout(() => this.connect(), pause * (0.5 + this.parts.random() / 2));
  }

  private async again(): Promise<void> {
    const isBack = await this.parts.onSessionEnded();
    if (isBack) this.hurry();
    else this.later();
  }
}

function read(text: string): LiveMessage | null {
  try {
    const value: unknown = JSON.parse(text);
    const isMessage = typeof value === 'object' && value !== null && 'seq' in value && 'what' in value;
    return isMessage && typeof value.seq === 'number' && typeof value.what === 'string' ? (value as LiveMessage) : null;
  } catch {
    return null;
  }
}
