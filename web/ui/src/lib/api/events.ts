/**
 * The live channel: one WebSocket to /api/v1/events that comes back by itself. It knows nothing of
 * screens; who wants to follow its state or its messages gives two functions.
 */
import type { LiveEvent } from './types';

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

/** The server speaks at least every two seconds; a channel this silent is dead (ms). */
const silence = 20_000;

export interface LiveOptions {
  url: string;
  onState: (state: LiveState) => void;
  onEvent: (event: LiveEvent) => void;
  /** Called after a connection that was never opened: the session may be over. */
  onRefused?: () => void;
  makeSocket?: (url: string) => WebSocket;
  random?: () => number;
}

export class LiveChannel {
  #options: LiveOptions;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #wanted = false;

  constructor(options: LiveOptions) {
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
      const event = decode(message.data);
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
    this.#watchdog = setTimeout(() => this.#lost(), silence);
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
export function decode(data: unknown): LiveEvent | null {
  if (typeof data !== 'string') return null;
  try {
    const event = JSON.parse(data) as LiveEvent;
    return typeof event === 'object' && event !== null && typeof event.kind === 'string' ? event : null;
  } catch {
    return null;
  }
}
