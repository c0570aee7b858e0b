import { describe, expect, it } from 'vitest';
import { deal, place, remaining } from './breakouts';
import type { Member } from './protocol';

const member = (id: string, more: Partial<Member> = {}): Member => ({ id, name: id, kind: 'browser', role: 'speaker', muted: true, since: '', ...more });
const people = [member('host', { role: 'host' }), member('cam', { kind: 'stream' }), member('lobby', { waiting: true }), ...['a', 'b', 'c', 'd', 'e'].map((id) => member(id))];

describe('breakout rooms', () => {
  it('are of nearly the same size, with everybody in one, hosts and streams in none', () => {
    const rooms = deal(people, 2);
    expect(rooms.map((r) => r.length)).toEqual([3, 2]);
    expect(rooms.flat().sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('are dealt out at random', () => {
    const seen = new Set(Array.from({ length: 50 }, () => JSON.stringify(deal(people, 2))));
    expect(seen.size).toBeGreaterThan(1);
    expect(deal(people, 5, () => 0)).toEqual(deal(people, 5, () => 0));
  });

  it('may stay empty where there are more of them than people', () => expect(deal(people, 7).filter((r) => r.length === 0)).toHaveLength(2));

  it('are filled as the host wants', () => {
    expect(place(people, 2, { a: 1, b: 0, host: 1, cam: 0, gone: 1, c: -1, d: 5 })).toEqual([['b'], ['host', 'a']]);
  });

  it('say how long they last', () => {
    expect(remaining('2026-01-01T00:05:00Z', Date.parse('2026-01-01T00:00:56Z'))).toBe('4:04');
    expect(remaining('2026-01-01T00:05:00Z', Date.parse('2026-01-01T01:00:00Z'))).toBe('0:00');
    expect(remaining(undefined, 0)).toBe('');
  });
});
