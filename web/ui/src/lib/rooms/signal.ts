/**
 * The connection to the notification server: a WebSocket that is made anew when the network
 * changes and goes on where it was, and long polls where no WebSocket gets through.
 */
import { RoomError, type EventType, type Events } from './protocol';

interface Envelope {
  seq?: number;
  re?: number;
  type: string;
  data?: unknown;
}

/** How long the server may take to answer a request (ms). */
const patience = 15_000;

/** Pauses between attempts to connect (ms); the last one repeats. */
const pauses = [0, 250, 500, 1000, 2000];

/** WebSockets that fail this often before anything was heard make way for long polls. */
const tries = 2;

type Waiting = { text: string; resolve: (data: unknown) => void; reject: (e: Error) => void; timer: ReturnType<typeof setTimeout> };

export class Signal {
  /** Called with every event, in order. */
  onEvent: <T extends EventType>(type: T, data: Events[T]) => void = () => {};
  /** Called when the server does not know the session any more: whoever was in a room has to join again. */
  onLost: () => void = () => {};
  /** Called when the connection comes and goes. */
  onOnline: (online: boolean) => void = () => {};

  #base: string;
  #socket: WebSocket | null = null;
  #polling = false;
  #key = '';
  #after = 0;
  #next = 1;
  #failed = 0;
  #heard = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting = new Map<number, Waiting>();

  constructor(base = '/notify') {
    this.#base = base;
    if (typeof window !== 'undefined') window.addEventListener('online', this.#hurry);
    this.#connect();
  }

  #hurry = () => {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.close();
    else if (!this.#polling) this.#connect();
  };

  /** Names the session; '' before the first greeting. Secret. */
  get key(): string {
    return this.#key;
  }

  get online(): boolean {
    return this.#polling || this.#socket?.readyState === WebSocket.OPEN;
  }

  #connect(): void {
    clearTimeout(this.#timer);
    if (this.#closed || (this.#socket && this.#socket.readyState <= WebSocket.OPEN)) return;
    if (!this.#heard && this.#failed >= tries) {
      void this.#poll();
      return;
    }
    const url = new URL(`${this.#base}/ws`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    if (this.#key) {
      url.searchParams.set('key', this.#key);
      url.searchParams.set('after', String(this.#after));
    }
    const socket = new WebSocket(url, 'muster.rooms.v1');
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(JSON.parse(String(event.data)) as Envelope);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.onOnline(false);
      this.#failed++;
      this.#timer = setTimeout(() => this.#connect(), pauses[Math.min(this.#failed - 1, pauses.length - 1)]);
    };
  }

  #receive(m: Envelope): void {
    if (m.type === 'hello') {
      this.#greeted(m.data as Events['hello']);
      return;
    }
    if (m.re !== undefined) {
      this.#answered(m);
      return;
    }
    if (m.seq !== undefined) {
      if (m.seq <= this.#after) return;
      this.#after = m.seq;
    }
    this.onEvent(m.type as EventType, m.data as never);
  }

  #greeted(hello: Events['hello']): void {
    const known = this.#key !== '';
    this.#failed = 0;
    this.#heard = true;
    this.#key = hello.key;
    if (!hello.resumed) {
      this.#after = 0;
      if (known) {
        this.#refuseAll();
        this.onLost();
      }
    }
    this.onOnline(true);
    // Also what was asked before: the answer may have been lost, and the server does nothing twice.
    for (const w of this.#waiting.values()) this.#send(w.text);
    this.onEvent('hello', hello);
  }

  #answered(m: Envelope): void {
    const w = this.#waiting.get(m.re!);
    if (!w) return;
    this.#waiting.delete(m.re!);
    clearTimeout(w.timer);
    if (m.type === 'ok') w.resolve(m.data);
    else {
      const f = (m.data ?? {}) as { code?: string; message?: string; from?: string; retryAfter?: number };
      w.reject(new RoomError(f.code ?? 'internal', f.message ?? '', f.from, f.retryAfter));
    }
  }

  #refuseAll(): void {
    for (const w of this.#waiting.values()) {
      clearTimeout(w.timer);
      w.reject(new RoomError('offline', ''));
    }
    this.#waiting.clear();
  }

  /** Asks the server for something. What is asked while the connection is away waits for it. */
  ask<T = void>(type: string, data: unknown = {}): Promise<T> {
    const id = this.#next++;
    const text = JSON.stringify({ id, type, data });
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new RoomError('offline', ''));
      }, patience);
      this.#waiting.set(id, { text, resolve: resolve as (data: unknown) => void, reject, timer });
      this.#send(text);
    });
  }

  #send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN && this.#key) this.#socket.send(text);
    else if (this.#polling && this.#key) void this.#post(text);
  }

  async #post(text: string): Promise<void> {
    try {
      const r = await fetch(`${this.#base}/sessions/${this.#key}`, { method: 'POST', body: text, headers: { 'Content-Type': 'application/json' } });
      if (r.ok) this.#receive((await r.json()) as Envelope);
    } catch {
      // The request runs into its time limit.
    }
  }

  /** Long polls, until the page is closed. */
  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    while (!this.#closed) {
      try {
        if (!this.#key) {
          const begun = await fetch(`${this.#base}/sessions`, { method: 'POST' });
          if (!begun.ok) throw new Error(String(begun.status));
          this.#receive((await begun.json()) as Envelope);
        }
        const r = await fetch(`${this.#base}/sessions/${this.#key}?after=${this.#after}`);
        if (r.status === 404 || r.status === 410) {
          this.#key = '';
          this.#after = 0;
          this.#refuseAll();
          this.onLost();
          continue;
        }
        if (!r.ok) throw new Error(String(r.status));
        for (const m of (await r.json()) as Envelope[]) this.#receive(m);
      } catch {
        await new Promise((done) => setTimeout(done, 2000));
      }
    }
  }

  /** Ends the session, on the server too. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (typeof window !== 'undefined') window.removeEventListener('online', this.#hurry);
    this.#refuseAll();
    const key = this.#key;
    this.#socket?.close();
    if (key) void fetch(`${this.#base}/sessions/${key}`, { method: 'DELETE', keepalive: true }).catch(() => {});
  }
}
