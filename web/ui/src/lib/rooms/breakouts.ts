/** Who goes to which breakout room. */
import type { Member } from './protocol';

/** Most rooms that one is split into. */
export const mostBreakouts = 20;

/** Who can be sent: streams on the stage stay, and who waits is not in yet. */
export const movable = (people: Member[]): Member[] => people.filter((m) => m.kind !== 'stream' && !m.waiting);

/** Deals people out at random to n rooms whose sizes differ by one at most. Hosts stay where they are. */
export function deal(people: Member[], n: number, random: () => number = Math.random): string[][] {
  const ids = movable(people)
    .filter((m) => m.role !== 'host')
    .map((m) => m.id);
  for (let i = ids.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [ids[i], ids[j]] = [ids[j]!, ids[i]!];
  }
  return Array.from({ length: n }, (_, room) => ids.filter((_, i) => i % n === room));
}

/** Puts people where the host wants them: room is the number of the room by participant, -1 and none for staying. */
export function place(people: Member[], n: number, room: Record<string, number>): string[][] {
  return Array.from({ length: n }, (_, i) =>
    movable(people)
      .filter((m) => room[m.id] === i)
      .map((m) => m.id),
  );
}

/** How long until then, as minutes and seconds; '' when nothing ends. */
export function remaining(ends: string | undefined, now: number): string {
  const at = Date.parse(ends ?? '');
  if (Number.isNaN(at)) return '';
  const s = Math.max(0, Math.round((at - now) / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}
