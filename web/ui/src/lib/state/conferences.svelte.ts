/** Rooms and who is in, live, and calls into them. */
import { sentence } from '$lib/api/client';
import { rooms, type ConferenceRoom } from '$lib/api/rooms';
import { Signal } from '$lib/rooms/signal';
import { compareNames } from '$lib/locale';
import { t } from '$lib/strings';
import { toasts } from './toasts.svelte';

/** How often the list is asked for besides what is told (ms). */
const interval = 30_000;

class Conferences {
  list = $state.raw<ConferenceRoom[]>([]);
  known = $state(false);
  error = $state('');
  /** Rooms with somebody in. */
  live = $derived(this.list.filter((r) => r.present.length > 0));

  #signal: Signal | null = null;
  #interval: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  /** Calls that were shown, the newest last. */
  #calls: { id: string; toast: number }[] = [];

  start(): void {
    this.#running = true;
    void this.reload();
    this.#interval = setInterval(() => void this.reload(), interval);
  }

  stop(): void {
    this.#running = false;
    clearInterval(this.#interval);
    clearTimeout(this.#timer);
    this.#signal?.close();
    this.#signal = null;
    this.list = [];
    this.known = false;
  }

  async reload(): Promise<void> {
    try {
      const list = await rooms.list();
      if (!this.#running) return;
      this.list = list.map((r) => ({ ...r, present: r.present ?? [], groups: r.groups ?? [] })).sort((a, b) => compareNames(a.title || a.name, b.title || b.name));
      this.known = true;
      this.error = '';
      this.#listen();
    } catch (e) {
      this.error = sentence(e);
    }
  }

  /** Only where the server has rooms is it worth a connection. */
  #listen(): void {
    if (this.#signal) return;
    const signal = new Signal();
    this.#signal = signal;
    signal.onEvent = (type, data) => {
      if (type === 'hello') {
        if (!(data as { resumed: boolean }).resumed) signal.ask('watch').catch(() => {});
      } else if (type === 'fact') {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.reload(), 200);
      } else if (type === 'call') {
        const c = data as { id: string; room: string; title: string; from: string };
        void import('$lib/rooms/level').then(({ testTone }) => testTone('')).catch(() => undefined);
        const refuse = { label: t.rooms.decline, act: () => void signal.ask('decline', { id: c.id }).catch(() => undefined) };
        const toast = toasts.say(t.rooms.called(c.from, c.title || c.room), 'good', { label: t.rooms.joinCall, href: `/rooms/${encodeURIComponent(c.room)}`, refuse });
        this.#calls = [...this.#calls.slice(-7), { id: c.id, toast }];
      } else if (type === 'callOver') {
        const over = this.#calls.find((c) => c.id === (data as { id: string }).id);
        if (over) toasts.dismiss(over.toast);
      }
    };
  }
}

export const conferences = new Conferences();
