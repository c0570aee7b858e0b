/** Messages in order and rooms with what is new in them. */
import type { Chat, Contact, Room } from '$lib/api/situation';
import { compareNames } from '$lib/locale';

const rank: Record<Chat['state'], number> = { pending: 0, failed: 1, sent: 2, delivered: 3, read: 4 };

/** Puts fresh messages among those known: by time, each once, a state never going backwards. */
export function merged(known: Chat[], fresh: Chat[]): Chat[] {
  const byId = new Map(known.map((m) => [m.id, m]));
  for (const m of fresh) {
    const before = byId.get(m.id);
    byId.set(m.id, before && rank[before.state] > rank[m.state] ? { ...m, state: before.state } : m);
  }
  return [...byId.values()].sort((a, b) => Date.parse(a.time) - Date.parse(b.time) || (a.id < b.id ? -1 : 1));
}

/** The rooms after a message came. open is the room that is being read; seen, the ids counted before. */
export function withMessage(rooms: Room[], message: Chat, open: string, isNew: boolean): Room[] {
  const known = rooms.find((r) => r.id === message.room);
  const unread = isNew && !message.mine && message.room !== open ? 1 : 0;
  if (!known) return [...rooms, { id: message.room, name: message.roomName || message.room, kind: message.kind, last: message, unread }];
  const newer = !known.last || Date.parse(message.time) >= Date.parse(known.last.time);
  return rooms.map((r) => (r === known ? { ...r, last: newer ? message : r.last, unread: r.unread + unread } : r));
}

/** People with whom nobody has spoken yet are rooms too. */
export function withPeople(rooms: Room[], contacts: Contact[], ownUid: string): Room[] {
  const known = new Set(rooms.map((r) => r.id));
  const more = contacts
    .filter((c) => c.uid !== ownUid && c.callsign !== '' && !known.has(`direct:${c.uid}`))
    .map((c): Room => ({ id: `direct:${c.uid}`, name: c.callsign, kind: 'direct', unread: 0 }));
  return more.length === 0 ? rooms : [...rooms, ...more];
}

/** Rooms with messages first, the newest above; then by name. */
export function ordered(rooms: Room[]): Room[] {
  const time = (r: Room) => (r.last ? Date.parse(r.last.time) : 0);
  return [...rooms].sort((a, b) => time(b) - time(a) || compareNames(a.name, b.name));
}

/** Whether a message begins a new block: another sender, or minutes later. */
export function beginsBlock(before: Chat | undefined, m: Chat): boolean {
  return !before || before.senderUid !== m.senderUid || Date.parse(m.time) - Date.parse(before.time) > 5 * 60_000;
}

/** Whether a message is the first of its day, in local time. */
export function beginsDay(before: Chat | undefined, m: Chat): boolean {
  return !before || new Date(before.time).toDateString() !== new Date(m.time).toDateString();
}
