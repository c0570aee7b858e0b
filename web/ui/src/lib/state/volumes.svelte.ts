/** The volumes of talkers and channels, live for whoever shows or plays them. */
import { keep, loudest, readKept, type Kept } from '$lib/rooms/volumes';
import { recall, remember } from './prefs';

class Volumes {
  #list = $state.raw<Kept>(readKept(recall<unknown>('rooms.volumes', [])));
  #map = $derived(new Map(this.#list));
  #told = new Set<() => void>();

  /** In percent, 0 to 200. */
  of(key: string): number {
    return this.#map.get(key) ?? 100;
  }

  set(key: string, percent: number): void {
    this.#list = keep(this.#list, key, Math.max(0, Math.min(loudest, Math.round(percent))));
    remember('rooms.volumes', this.#list);
    for (const tell of this.#told) tell();
  }

  /** Calls tell after each change, until the returned function is called. */
  listen(tell: () => void): () => void {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }
}

export const volumes = new Volumes();
