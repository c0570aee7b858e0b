/**
 * A live channel: a WebSocket that comes back by itself. It knows nothing of screens; who wants to
 * follow its state or its messages gives two functions.
 */

export type LiveState =
  | { kind: 'off' }
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** Lost; the next try is at retryAt (ms since the epoch). */
  | { kind: 'waiting'; retryAt: number };

/** Milliseconds before the n-th new try (n from 0), without the random part. */
export function backoff(attempt: number): number {
  return Math.min(15_000, 1000 * 2 ** Math.min(attempt, 4));
}

/** Anything that says what it is. */
interface Message {
  kind: string;
}

export interface LiveOptions<M extends Message> {
  url: string;
  onState: (state: LiveState) => void;
  onEvent: (event: M) => void;
  /** A channel that says nothing for so long is dead (ms); left out, silence means nothing. */
  silence?: number;
  /** Called after a connection that was never opened: the session may be over. */
  onRefused?: () => void;
  makeSocket?: (url: string) => WebSocket;
  random?: () => number;
}

export class LiveChannel<M extends Message> {
  #options: LiveOptions<M>;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #wanted = false;

  constructor(options: LiveOptions<M>) {
    this.#options = options;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempt = 0;
    this.#open();
  }

  stop(): void {
    this.#wanted = false;
    this.#drop();
    this.#options.onState({ kind: 'off' });
  }

  /** Opens anew at once, even if it seems to work. */
  restart(): void {
    if (this.#wanted) this.#open();
  }

  /** Tries at once instead of waiting, for instance when the network is back. */
  hurry(): void {
    if (this.#wanted && !this.#socket) this.#open();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #open(): void {
    this.#drop();
    this.#options.onState({ kind: 'connecting' });
    const make = this.#options.makeSocket ?? ((url: string) => new WebSocket(url));
    const socket = make(this.#options.url);
    this.#socket = socket;
    let greeted = false;
    socket.onmessage = (message: MessageEvent) => {
      if (socket !== this.#socket) return;
      this.#watch();
      const event = decode<M>(message.data);
      if (!event) return;
      if (!greeted) {
        greeted = true;
        this.#attempt = 0;
        this.#options.onState({ kind: 'live' });
      }
      this.#options.onEvent(event);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#lost();
      if (!greeted) this.#options.onRefused?.();
    };
    this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    const { silence } = this.#options;
    if (silence) this.#watchdog = setTimeout(() => this.#lost(), silence);
  }

  #lost(): void {
    this.#drop();
    if (!this.#wanted) return;
    const random = this.#options.random ?? Math.random;
    const wait = backoff(this.#attempt++) * (0.75 + random() / 2);
    this.#options.onState({ kind: 'waiting', retryAt: Date.now() + wait });
    this.#timer = setTimeout(() => this.#open(), wait);
  }
}

/** One message, or null when it is not one of ours. */
export function decode<M extends Message>(data: unknown): M | null {
  if (typeof data !== 'string') return null;
  try {
    const event = JSON.parse(data) as M;
    return typeof event === 'object' && event !== null && typeof event.kind === 'string' ? event : null;
  } catch {
    return null;
  }
}
