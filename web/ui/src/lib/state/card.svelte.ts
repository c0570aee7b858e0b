import type { Place } from '$lib/geo/distance';

export type Shown = { kind: 'thing'; uid: string } | { kind: 'place'; place: Place } | null;

/** The card of a person, a thing or a place: one for the whole app, whichever lens it was opened in. */
class Card {
  shown = $state.raw<Shown>(null);
  /** Uid whose card is open, or ''. */
  uid = $derived(this.shown?.kind === 'thing' ? this.shown.uid : '');
  place = $derived(this.shown?.kind === 'place' ? this.shown.place : null);

  open(uid: string): void {
    this.shown = { kind: 'thing', uid };
  }

  openPlace(place: Place): void {
    this.shown = { kind: 'place', place };
  }

  close(): void {
    this.shown = null;
  }
}

export const card = new Card();
