/** Who is in which room and who talks, of the devices on the map: the merge of the live messages. */
import type { Present, SituationEvent } from '$lib/api/situation';

export interface Presence {
  room: string;
  title: string;
  talks: boolean;
}

export class Voice {
  #people = new Map<string, Present>();
  #talking = new Set<string>();
  /** By uid of the device, made anew when something changes. */
  #devices = new Map<string, Presence>();

  /** Takes one message in and says whether it changed something. */
  apply(event: SituationEvent): boolean {
    switch (event.kind) {
      case 'snapshot':
        this.#people = new Map((event.voice ?? []).map((p) => [p.id, p]));
        this.#talking = new Set(event.talking ?? []);
        break;
      case 'voice':
        for (const p of event.voice ?? []) this.#people.set(p.id, p);
        for (const id of event.left ?? []) this.#people.delete(id);
        break;
      case 'talk':
        this.#talking = new Set(event.talking ?? []);
        break;
      default:
        return false;
    }
    this.#devices = new Map();
    for (const p of this.#people.values()) {
      const presence = { room: p.room, title: p.title || p.room, talks: this.#talking.has(p.id) };
      for (const uid of p.uids ?? []) {
        // Whoever is in two rooms is shown where the talk is.
        if (!this.#devices.get(uid)?.talks) this.#devices.set(uid, presence);
      }
    }
    return true;
  }

  /** Where a device is heard; undefined: in no room. */
  of(uid: string): Presence | undefined {
    return this.#devices.get(uid);
  }
}
