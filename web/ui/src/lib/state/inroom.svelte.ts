/** The room one is in, whichever lens is looked through. */
import type { RoomSession } from '$lib/rooms/room.svelte';

class InRoom {
  session = $state.raw<RoomSession | null>(null);
  /** One is in it, or on the way in. */
  on = $derived(this.session !== null && this.session.phase.kind !== 'out' && this.session.phase.kind !== 'ended');

  /** Whether one is in the room of that name. */
  in(name: string): boolean {
    return this.on && this.session?.wish?.room === name;
  }

  /** The user to be called as soon as one is in, or ''. */
  toCall = $state('');

  leave(): void {
    this.session?.leave();
    this.session = null;
  }
}

export const inRoom = new InRoom();
