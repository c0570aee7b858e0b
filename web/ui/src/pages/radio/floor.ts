/** How long one may still talk, and what of what was said is told. */
import type { Floor } from '$lib/rooms/protocol';

/** Seconds until the word is taken away; null where it is not. */
export function secondsLeft(floor: Floor | null, now: number): number | null {
  const until = Date.parse(floor?.until ?? '');
  return Number.isNaN(until) ? null : Math.max(0, Math.floor((until - now) / 1000));
}

/** "0:07" of 7.2 seconds. */
export function lasted(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}
