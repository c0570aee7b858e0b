/** What is known of the situation: the merge of the live messages. It knows nothing of screens. */
import type { Contact, Emergency, Item, SituationEvent } from '$lib/api/situation';
import { wholeContact, wholeEmergency, wholeItem } from '$lib/api/tak';
import type { Place } from '$lib/geo/distance';
import { mercatorX, mercatorY } from '$lib/map/view';
import { kindOf, type Kind } from './sidc';

/** An item and what drawing it needs. */
export interface Seen {
  item: Item;
  kind: Kind;
  /** Web Mercator, 0 to 1. */
  x: number;
  y: number;
  /** Where it was, as x, y pairs, oldest first, without the present place. At most maxTrail places. */
  trail: number[];
  /** What the map made of the item, thrown away when it changes. */
  drawn?: unknown;
}

/** Places of a trail. */
const maxTrail = 90;

/** As far must a thing move (of the world's width, some 3 m at the equator) to leave a place behind. */
const step = 8e-8;

/** What is not to be kept is forgotten so long after it went stale (ms). */
const forget = 24 * 3_600_000;

/** Whoever does not know where it is reports the place 0, 0: it is known, and is not to be drawn there. */
const isPlaced = (p: Place): boolean => p.lat !== 0 || p.lon !== 0;

/** Where a thing or a person is, if that is known: by its report, else by what contacts say. */
export function placeOf(item: Item | undefined, contact?: Contact): Place | null {
  const { lat, lon } = item ?? contact ?? {};
  return lat !== undefined && lon !== undefined && isPlaced({ lat, lon }) ? { lat, lon } : null;
}

export interface Changed {
  items: boolean;
  contacts: boolean;
  emergencies: boolean;
}

export class Picture {
  items = new Map<string, Seen>();
  contacts = new Map<string, Contact>();
  emergencies: Emergency[] = [];
  /** The uid under which this browser speaks. */
  uid = '';
  /** Goes up when a thing came, went or got another name: only then do sorted lists change. */
  members = 0;

  /** Takes one message in and says what it changed. */
  apply(event: SituationEvent): Changed {
    const changed = { items: false, contacts: false, emergencies: false };
    switch (event.kind) {
      case 'snapshot':
        this.contacts = new Map((event.contacts ?? []).map((c) => [c.uid, wholeContact(c)]));
        this.#replace(event.items ?? []);
        this.emergencies = (event.emergencies ?? []).map(wholeEmergency);
        this.uid = event.uid;
        return { items: true, contacts: true, emergencies: true };
      case 'items':
        for (const item of event.items ?? []) this.put(item);
        changed.items = true;
        break;
      case 'gone':
        for (const uid of event.uids ?? []) changed.items = this.#drop(uid) || changed.items;
        break;
      case 'contacts':
        for (const contact of event.contacts ?? []) this.#contact(contact);
        changed.contacts = true;
        changed.items = true;
        break;
      case 'emergencies':
        this.emergencies = (event.emergencies ?? []).map(wholeEmergency);
        changed.emergencies = true;
        break;
    }
    return changed;
  }

  /** What can be drawn on a map. */
  *placed(): Generator<Seen> {
    for (const seen of this.items.values()) if (isPlaced(seen.item)) yield seen;
  }

  put(raw: Item): void {
    const item = this.#linked(wholeItem(raw));
    const known = this.items.get(item.uid);
    const x = mercatorX(item.lon);
    const y = mercatorY(item.lat);
    const kind = kindOf(item);
    if (!known) {
      this.items.set(item.uid, { item, kind, x, y, trail: [] });
      this.members++;
      return;
    }
    // Messages of several connections may cross: an older report never takes the place of a newer one.
    if (item.time < known.item.time) return;
    if (Math.abs(known.x - x) + Math.abs(known.y - y) > step && !item.points && isPlaced(known.item) && isPlaced(item)) {
      known.trail.push(known.x, known.y);
      if (known.trail.length > 2 * maxTrail) known.trail.splice(0, 2 * (maxTrail / 3));
    }
    if (known.item.callsign !== item.callsign || known.kind !== kind) this.members++;
    known.item = item;
    known.kind = kind;
    known.x = x;
    known.y = y;
    known.drawn = undefined;
  }

  /** Drops what nobody wants to keep and nobody has spoken of for a day. */
  prune(now: number): boolean {
    let any = false;
    for (const [uid, { item }] of this.items) {
      if (item.archive || item.connected || item.stale + forget > now) continue;
      any = this.#drop(uid) || any;
    }
    return any;
  }

  /** Whether the device of a report is connected, contacts know best: they are told when that changes. */
  #linked(item: Item): Item {
    const contact = this.contacts.get(item.uid);
    return contact && contact.connected !== item.connected ? { ...item, connected: contact.connected } : item;
  }

  #drop(uid: string): boolean {
    if (!this.items.delete(uid)) return false;
    this.members++;
    return true;
  }

  /** A snapshot is the whole truth, but trails of what is still there are kept. */
  #replace(items: Item[]): void {
    const present = new Set(items.map((i) => i.uid));
    for (const uid of [...this.items.keys()]) if (!present.has(uid)) this.#drop(uid);
    for (const item of items) this.put(item);
  }

  #contact(raw: Contact): void {
    const contact = wholeContact(raw);
    this.contacts.set(contact.uid, contact);
    const seen = this.items.get(contact.uid);
    if (seen && seen.item.connected !== contact.connected) {
      seen.item = { ...seen.item, connected: contact.connected };
      seen.kind = kindOf(seen.item);
      seen.drawn = undefined;
    }
  }
}

/** Whether the last report of an item is too old to be trusted. */
export function isStale(item: Item, now: number): boolean {
  return item.connected === false || (!item.archive && item.stale < now);
}
