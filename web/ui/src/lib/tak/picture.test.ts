import { describe, expect, it } from 'vitest';
import type { Contact, Item } from '$lib/api/situation';
import { isStale, Picture, placeOf } from './picture';

const item = (uid: string, time: number, more: Partial<Item> = {}): Item => ({
  ...{ uid, type: 'a-f-G-U-C', how: 'm-g', time, start: time, stale: time + 60_000, lat: 47, lon: 11, callsign: uid, groups: ['recon'] },
  ...more,
});
const contact = (uid: string, connected: boolean): Contact => ({
  ...{ uid, callsign: uid, user: 'u', team: 'Cyan', role: 'Team Member', takv: {}, battery: 80, groups: [], connected, lastSeen: '' },
});
const snapshot = (items: Item[]) => ({ kind: 'snapshot' as const, items, contacts: [], emergencies: [], uid: 'WEB-1' });

describe('the picture of the situation', () => {
  it('takes a snapshot as the whole truth and keeps trails of what is still there', () => {
    const p = new Picture();
    p.apply(snapshot([item('a', 1), item('b', 1)]));
    p.apply({ kind: 'items', items: [item('a', 2, { lat: 47.001 })] });
    p.apply(snapshot([item('a', 3, { lat: 47.002 })]));
    expect([...p.items.keys()]).toEqual(['a']);
    expect(p.items.get('a')!.trail).toHaveLength(4);
    expect(p.uid).toBe('WEB-1');
  });

  it('never lets an older report take the place of a newer one', () => {
    const p = new Picture();
    p.apply(snapshot([item('a', 10, { lat: 47.5 })]));
    p.apply({ kind: 'items', items: [item('a', 9, { lat: 46 })] });
    expect(p.items.get('a')!.item.lat).toBe(47.5);
  });

  it('leaves no trail while standing still, and keeps trails short', () => {
    const p = new Picture();
    p.apply(snapshot([item('a', 0)]));
    p.apply({ kind: 'items', items: [item('a', 1, { lat: 47.000001 })] });
    expect(p.items.get('a')!.trail).toHaveLength(0);
    for (let i = 2; i < 500; i++) p.apply({ kind: 'items', items: [item('a', i, { lat: 47 + i / 1000 })] });
    const { trail } = p.items.get('a')!;
    expect(trail.length).toBeLessThanOrEqual(180);
    expect(trail.length).toBeGreaterThan(100);
  });

  it('draws nobody at 0, 0 who does not know where he is, and no trail from there', () => {
    const p = new Picture();
    p.apply(snapshot([item('a', 1, { lat: 0, lon: 0 }), item('b', 1)]));
    expect([...p.placed()].map((s) => s.item.uid)).toEqual(['b']);
    expect(placeOf(p.items.get('a')!.item)).toBeNull();
    expect(placeOf(undefined, { ...contact('c', true), lat: 0, lon: 0 })).toBeNull();
    expect(placeOf(undefined, { ...contact('c', true), lat: 0, lon: 11 })).toEqual({ lat: 0, lon: 11 });
    expect(placeOf(undefined, contact('c', true))).toBeNull();
    p.apply({ kind: 'items', items: [item('a', 2)] });
    expect([...p.placed()]).toHaveLength(2);
    expect(p.items.get('a')!.trail).toHaveLength(0);
  });

  it('says what changed', () => {
    const p = new Picture();
    p.apply(snapshot([item('a', 1)]));
    expect(p.apply({ kind: 'gone', uids: ['x'] })).toEqual({ items: false, contacts: false, emergencies: false });
    expect(p.apply({ kind: 'gone', uids: ['a', 'x'] }).items).toBe(true);
    expect(p.apply({ kind: 'emergencies', emergencies: [] }).emergencies).toBe(true);
    expect(p.apply({ kind: 'lagged' })).toEqual({ items: false, contacts: false, emergencies: false });
  });

  it('a contact that disconnects makes its mark stale at once', () => {
    const p = new Picture();
    p.apply(snapshot([item('a', 1000, { connected: true })]));
    expect(isStale(p.items.get('a')!.item, 2000)).toBe(false);
    p.apply({ kind: 'contacts', contacts: [contact('a', false)] });
    expect(isStale(p.items.get('a')!.item, 2000)).toBe(true);
    expect(p.contacts.get('a')!.connected).toBe(false);
  });

  it('reports do not say that a device has gone; its contact does', () => {
    const p = new Picture();
    p.apply({ ...snapshot([item('a', 1000)]), contacts: [contact('a', false)] });
    expect(p.items.get('a')!.item.connected).toBe(false);
    expect(p.items.get('a')!.kind).toBe('person');
    p.apply({ kind: 'contacts', contacts: [contact('a', true)] });
    p.apply({ kind: 'items', items: [item('a', 1500)] });
    expect(isStale(p.items.get('a')!.item, 2000)).toBe(false);
  });

  it('bears the null lists of Go', () => {
    const p = new Picture();
    p.apply({ kind: 'snapshot', items: null, contacts: null, emergencies: null, uid: 'x' } as never);
    p.apply({ kind: 'items', items: [{ ...item('a', 1), groups: null }] } as never);
    expect(p.items.get('a')!.item.groups).toEqual([]);
  });

  it('forgets after a day what is not kept', () => {
    const p = new Picture();
    p.apply(snapshot([item('a', 0), item('kept', 0, { archive: true })]));
    expect(p.prune(3_600_000)).toBe(false);
    expect(p.prune(25 * 3_600_000)).toBe(true);
    expect([...p.items.keys()]).toEqual(['kept']);
  });
});
