import { describe, expect, it } from 'vitest';
import type { Present } from '$lib/api/situation';
import { Voice } from './voice';

const present = (id: string, room: string, ...uids: string[]): Present => ({ id, room, title: `Room ${room}`, name: id, kind: 'sip', uids });
const snapshot = (voice: Present[], talking: string[] = []) => ({ kind: 'snapshot' as const, items: [], contacts: [], emergencies: [], uid: '', voice, talking });

describe('who is in which room', () => {
  it('is what the snapshot says, by device', () => {
    const v = new Voice();
    expect(v.apply(snapshot([present('a', 'red', 'A', 'B'), present('guest', 'red')], ['a']))).toBe(true);
    expect(v.of('B')).toEqual({ room: 'red', title: 'Room red', talks: true });
    expect(v.of('C')).toBeUndefined();
    v.apply(snapshot([]));
    expect(v.of('B')).toBeUndefined();
  });

  it('follows who comes, goes and talks', () => {
    const v = new Voice();
    v.apply(snapshot([]));
    v.apply({ kind: 'voice', voice: [present('a', 'red', 'A')] });
    expect(v.of('A')?.talks).toBe(false);
    v.apply({ kind: 'talk', talking: ['a'] });
    expect(v.of('A')?.talks).toBe(true);
    v.apply({ kind: 'talk', talking: [] });
    expect(v.of('A')?.talks).toBe(false);
    v.apply({ kind: 'voice', voice: [present('a', 'blue', 'B')] });
    expect([v.of('A'), v.of('B')?.room]).toEqual([undefined, 'blue']);
    v.apply({ kind: 'voice', left: ['a'] });
    expect(v.of('B')).toBeUndefined();
  });

  it('shows whoever is in two rooms where the talk is', () => {
    const v = new Voice();
    v.apply(snapshot([present('a', 'red', 'A'), present('b', 'blue', 'A'), present('c', 'green', 'A')], ['b']));
    expect(v.of('A')?.room).toBe('blue');
  });

  it('is not concerned by anything else, and bears the null lists of Go', () => {
    const v = new Voice();
    expect(v.apply({ kind: 'lagged' })).toBe(false);
    v.apply({ ...snapshot([]), voice: null, talking: null } as never);
    v.apply({ kind: 'voice', voice: [{ ...present('a', 'red'), uids: null }], left: null } as never);
    v.apply({ kind: 'talk', talking: null } as never);
    expect(v.of('A')).toBeUndefined();
  });
});
