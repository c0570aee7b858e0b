import { sentence } from '$lib/api/client';
import { tak } from '$lib/api/tak';
import { Picture } from '$lib/tak/picture';

export const speeds = [1, 10, 60, 300] as const;

/** Milliseconds between two pictures while it plays. */
const beat = 500;

/** The situation as it was: a time that is moved by hand or runs. */
class Replay {
  on = $state(false);
  /** Milliseconds since 1970. */
  from = $state(0);
  to = $state(0);
  time = $state(0);
  playing = $state(false);
  speed = $state<number>(10);
  error = $state('');
  /** Goes up with each picture that came. */
  version = $state(0);
  readonly picture = new Picture();
  #timer: ReturnType<typeof setInterval> | undefined;
  #asking = false;
  #wanted = -1;

  async start(): Promise<void> {
    this.on = true;
    this.error = '';
    try {
      const span = await tak.span();
      this.from = Date.parse(span.from);
      this.to = Date.parse(span.to);
    } catch (e) {
      this.error = sentence(e);
      return;
    }
    if (!(this.to > this.from)) return;
    this.seek(Math.max(this.from, this.to - 15 * 60_000));
  }

  stop(): void {
    this.pause();
    this.on = false;
    this.picture.apply({ kind: 'snapshot', items: [], contacts: [], emergencies: [], uid: '' });
  }

  play(): void {
    if (this.time >= this.to) this.seek(this.from);
    this.playing = true;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.seek(this.time + beat * this.speed);
      if (this.time >= this.to) this.pause();
    }, beat);
  }

  pause(): void {
    clearInterval(this.#timer);
    this.playing = false;
  }

  /** Goes to a time; while an answer is awaited only the newest wish is kept. */
  seek(time: number): void {
    this.time = Math.min(this.to, Math.max(this.from, time));
    this.#wanted = this.time;
    if (!this.#asking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    while (this.#wanted >= 0 && this.on) {
      const time = this.#wanted;
      this.#wanted = -1;
      try {
        const items = await tak.situationAt(time);
        // Backwards in time an older report is the right one.
        for (const seen of this.picture.items.values()) if (seen.item.time > time) this.picture.items.delete(seen.item.uid);
        this.picture.apply({ kind: 'snapshot', items, contacts: [], emergencies: [], uid: '' });
        this.version++;
        this.error = '';
      } catch (e) {
        this.error = sentence(e);
      }
    }
    this.#asking = false;
  }
}

export const replay = new Replay();
