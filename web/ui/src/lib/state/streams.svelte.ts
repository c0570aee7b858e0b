import { SvelteMap } from 'svelte/reactivity';
import { api, sentence, wholeStream } from '$lib/api/client';
import type { Stream } from '$lib/api/types';
import { compareNames } from '$lib/locale';
import { live } from './live.svelte';

/** Every stream one may see, live. */
export class Streams {
  #byName = new SvelteMap<string, Stream>();
  /** False until the first list is there. */
  known = $state(false);
  error = $state('');
  /** By name, as a person would sort: cam2 before cam10. */
  all = $derived([...this.#byName.values()].sort((a, b) => compareNames(a.name, b.name)));

  constructor() {
    live.on(['hello'], (event) => this.replace(event.data.streams ?? []));
    live.on(['stream.ready'], (event) => this.put(event.data));
    live.on(['stream.ended'], (event) => this.#byName.delete(event.data.name));
    live.on(['recording.changed'], (event) => {
      if (event.data.change !== 'on' && event.data.change !== 'off') return;
      const known = this.#byName.get(event.data.stream);
      if (known) this.#byName.set(known.name, { ...known, recording: event.data.change === 'on' });
    });
    live.on(['stream.stats'], (event) => {
      for (const s of event.data.streams ?? []) {
        const known = this.#byName.get(s.name);
        if (known && (known.bitrate !== s.bitrate || known.viewers !== s.viewers))
          this.#byName.set(s.name, { ...known, bitrate: s.bitrate, viewers: s.viewers });
      }
    });
    live.on(['lagged', 'user.changed', 'group.changed'], () => void this.reload());
  }

  get(name: string): Stream | undefined {
    return this.#byName.get(name);
  }

  put(stream: Stream): void {
    const before = this.#byName.get(stream.name);
    const whole = wholeStream(stream);
    this.#byName.set(stream.name, { ...whole, bitrate: whole.bitrate || before?.bitrate || 0 });
  }

  replace(list: Stream[]): void {
    const names = new Set(list.map((s) => s.name));
    for (const name of [...this.#byName.keys()]) if (!names.has(name)) this.#byName.delete(name);
    for (const stream of list) this.#byName.set(stream.name, wholeStream(stream));
    this.known = true;
    this.error = '';
  }

  async reload(): Promise<void> {
    try {
      this.replace(await api.streams());
    } catch (e) {
      this.error = sentence(e);
    }
  }

  /** Readers by protocol and byte counts do not come by themselves: asks for one stream's. */
  async refresh(name: string): Promise<void> {
    try {
      const fresh = await api.stream(name);
      if (this.#byName.has(name)) this.put(fresh);
    } catch {
      // It ended or the connection did; both are told elsewhere.
    }
  }
}

export const streams = new Streams();
