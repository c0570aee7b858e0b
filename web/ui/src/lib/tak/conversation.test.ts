import { describe, expect, it } from 'vitest';
import type { Chat, Contact, Room } from '$lib/api/situation';
import { beginsBlock, beginsDay, merged, ordered, withMessage, withPeople } from './conversation';

const chat = (id: string, minute: number, more: Partial<Chat> = {}): Chat => ({
  ...{ id, room: 'Cyan', roomName: 'Cyan', kind: 'team', senderUid: 'A', senderCallsign: 'A', text: id, state: 'sent', mine: false },
  time: new Date(Date.UTC(2026, 0, 5, 12, minute)).toISOString(),
  ...more,
});

describe('a conversation', () => {
  it('holds every message once, by time', () => {
    expect(merged([chat('b', 2)], [chat('c', 3), chat('a', 1), chat('b', 2)]).map((m) => m.id)).toEqual(['a', 'b', 'c']);
  });

  it('never goes back from read to delivered', () => {
    const read = merged([chat('a', 1, { state: 'sent' })], [chat('a', 1, { state: 'read' })]);
    expect(merged(read, [chat('a', 1, { state: 'delivered' })])[0]!.state).toBe('read');
    expect(merged([chat('a', 1, { state: 'pending' })], [chat('a', 1, { state: 'failed' })])[0]!.state).toBe('failed');
  });

  it('begins blocks with another sender or after a pause, and days at midnight', () => {
    expect(beginsBlock(undefined, chat('a', 1))).toBe(true);
    expect(beginsBlock(chat('a', 1), chat('b', 2))).toBe(false);
    expect(beginsBlock(chat('a', 1), chat('b', 8))).toBe(true);
    expect(beginsBlock(chat('a', 1), chat('b', 2, { senderUid: 'B' }))).toBe(true);
    expect(beginsDay(chat('a', 1), chat('b', 60 * 30))).toBe(true);
  });
});

describe('the rooms', () => {
  const room = (id: string, more: Partial<Room> = {}): Room => ({ id, name: id, kind: 'team', unread: 0, ...more });

  it('count what is new, but not in the room that is read and not one’s own', () => {
    const rooms = [room('Cyan'), room('Red')];
    expect(withMessage(rooms, chat('a', 1), '', true)[0]!.unread).toBe(1);
    expect(withMessage(rooms, chat('a', 1), 'Cyan', true)[0]!.unread).toBe(0);
    expect(withMessage(rooms, chat('a', 1, { mine: true }), '', true)[0]!.unread).toBe(0);
    expect(withMessage(rooms, chat('a', 1), '', false)[0]!.unread).toBe(0);
  });

  it('keep the newest message, and appear with their first one', () => {
    const rooms = [room('Cyan', { last: chat('new', 9) })];
    expect(withMessage(rooms, chat('old', 1), '', false)[0]!.last!.id).toBe('new');
    const more = withMessage(rooms, chat('x', 1, { room: 'direct:B', roomName: 'B', kind: 'direct' }), '', true);
    expect(more[1]).toMatchObject({ id: 'direct:B', name: 'B', unread: 1 });
  });

  it('are sorted by what was said last, then by name', () => {
    expect(ordered([room('b10'), room('b2'), room('z', { last: chat('m', 1) })]).map((r) => r.id)).toEqual(['z', 'b2', 'b10']);
  });

  it('include people whom nobody has written to', () => {
    const contacts = [{ uid: 'B', callsign: 'B' }, { uid: 'me', callsign: 'me' }, { uid: 'C', callsign: 'C' }] as Contact[];
    expect(withPeople([room('direct:B')], contacts, 'me').map((r) => r.id)).toEqual(['direct:B', 'direct:C']);
  });
});
