import type { Emergency } from '$lib/api/situation';
import { recall, remember } from './prefs';
import { situation } from './situation.svelte';

/** Acknowledged emergencies that are remembered. */
const most = 50;

const keyOf = (e: Emergency) => `${e.uid} ${e.started}`;

/** Emergencies, and which of them this browser has acknowledged. An acknowledgement silences; it hides nothing. */
class Alarm {
  #acknowledged = $state<string[]>(recall<string[]>('alarm.acknowledged', []));
  /** The newest first. */
  list = $derived([...new Map(situation.emergencies.map((e) => [e.uid, e])).values()].sort((a, b) => Date.parse(b.started) - Date.parse(a.started)));
  loud = $derived(this.list.some((e) => !this.#acknowledged.includes(keyOf(e))));

  isAcknowledged(e: Emergency): boolean {
    return this.#acknowledged.includes(keyOf(e));
  }

  acknowledge(e: Emergency): void {
    if (this.isAcknowledged(e)) return;
    this.#acknowledged = [...this.#acknowledged.slice(1 - most), keyOf(e)];
    remember('alarm.acknowledged', this.#acknowledged);
  }
}

export const alarm = new Alarm();
