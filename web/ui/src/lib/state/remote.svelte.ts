import { sentence } from '$lib/api/client';
import type { LiveEvent } from '$lib/api/types';
import { live } from './live.svelte';

/** Milliseconds in which several changes lead to one reload. */
const settle = 300;

/**
 * A list that the server holds: loads when a page mounts it, and again whenever a live event says
 * that it changed. Use it inside a component: const users = remote(api.users, ['user.changed']).
 */
export class Remote<T> {
  value = $state<T | null>(null);
  error = $state('');
  loading = $state(false);
  #load: () => Promise<T>;
  #latest = 0;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /** Loads now. An answer that a later question overtook is dropped. */
  async reload(): Promise<void> {
    const mine = ++this.#latest;
    this.loading = true;
    try {
      const value = await this.#load();
      if (mine !== this.#latest) return;
      this.value = value;
      this.error = '';
    } catch (e) {
      if (mine === this.#latest) this.error = sentence(e);
    } finally {
      if (mine === this.#latest) this.loading = false;
    }
  }
}

export function remote<T>(load: () => Promise<T>, on: LiveEvent['kind'][]): Remote<T> {
  const r = new Remote(load);
  $effect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    void r.reload();
    const off = live.on([...on, 'hello', 'lagged'], () => {
      clearTimeout(timer);
      timer = setTimeout(() => void r.reload(), settle);
    });
    return () => {
      clearTimeout(timer);
      off();
    };
  });
  return r;
}
