/** How loud each talker and each channel is heard, kept on this device. Percent: 100 is as it comes. */
import type { Member } from './protocol';

export const loudest = 200;

/** How many are remembered; who was set longest ago is forgotten. */
const most = 200;

/** Who is set: the person where it has an account, else what it calls itself. */
export const talkerKey = (m: Pick<Member, 'name' | 'user' | 'kind'>): string => (m.user && m.kind !== 'stream' ? `user:${m.user}` : `${m.kind}:${m.name}`);
export const channelKey = (room: string): string => `room:${room}`;

export type Kept = [key: string, percent: number][];

/** The list with one more; what is as it comes needs no place on it. */
export function keep(list: Kept, key: string, percent: number): Kept {
  const rest = list.filter(([k]) => k !== key);
  return percent === 100 ? rest : [...rest, [key, percent] as [string, number]].slice(-most);
}

/** What was stored, as far as it makes sense. */
export function readKept(stored: unknown): Kept {
  if (!Array.isArray(stored)) return [];
  return stored.filter((x): x is [string, number] => Array.isArray(x) && typeof x[0] === 'string' && typeof x[1] === 'number' && x[1] >= 0 && x[1] <= loudest).slice(-most);
}

/** The slots' gains now: that of who is in each. Who has just left a slot is still in its buffer, so a free slot stays as it was. */
export function gains(slots: string[], before: number[], of: (id: string) => number | undefined): number[] {
  return before.map((g, i) => (slots[i] ? (of(slots[i]) ?? 1) : g));
}
