import { describe, expect, it } from 'vitest';
import type { Member, Track } from './protocol';
import { initials, leadOf, tilesOf, visibleOf } from './tiles';

const member = (id: string, at = 0, more: Partial<Member> = {}): Member => ({ id, name: id, kind: 'browser', role: 'speaker', muted: true, since: new Date(at * 1000).toISOString(), ...more });
const track = (id: string, participant: string, source: Track['source']): Track => ({ id, participant, source, codec: 'VP8', layers: [] });
const nothing = { camera: false, screen: false };

describe('tiles', () => {
  const people = [member('me', 1), member('anna', 2), member('bert', 3), member('lobby', 4, { waiting: true })];

  it('are one for each picture and each person without', () => {
    const tiles = tilesOf(people, [track('c', 'anna', 'camera'), track('s', 'anna', 'screen'), track('all', '', 'composite')], 'me', nothing);
    expect(tiles.map((t) => t.key)).toEqual(['s', 'c', 'bert', 'me']);
  });

  it('show the face of who shows a screen only', () => {
    expect(tilesOf([member('anna')], [track('s', 'anna', 'screen')], 'me', nothing).map((t) => t.key)).toEqual(['s', 'anna']);
  });

  it('show what one sends oneself, last', () => {
    expect(tilesOf(people, [], 'me', { camera: true, screen: true }).map((t) => t.key)).toEqual(['own-screen', 'anna', 'bert', 'own-camera']);
  });

  it('leave out the quiet where there are too many', () => {
    const many = Array.from({ length: 8 }, (_, i) => member(`p${i}`, i));
    const shown = visibleOf(tilesOf(many, [track('x', 'p6', 'camera')], 'me', nothing), 3, new Set(['p7']));
    expect(shown.map((t) => t.member.id)).toEqual(['p0', 'p6', 'p7']);
  });
});

describe('the large tile', () => {
  const tiles = tilesOf([member('anna', 1), member('bert', 2), member('uav', 3, { kind: 'stream' })], [track('st', 'uav', 'stage'), track('b', 'bert', 'camera')], 'me', nothing);
  it.each([
    ['what is presented, by itself', 'auto', '', '', 'uav'],
    ['nobody in the grid', 'grid', '', 'anna', ''],
    ['who speaks', 'speaker', '', 'anna', 'anna'],
    ['somebody with a picture where nobody speaks', 'speaker', '', '', 'bert'],
    ['what is presented', 'presenter', '', 'anna', 'uav'],
    ['what was pinned', 'grid', 'b', '', 'bert'],
    ['not what was pinned and is gone', 'grid', 'x', '', ''],
  ] as const)('is %s', (_, view, pinned, active, who) => expect(leadOf(tiles, view, pinned, active)?.member.id ?? '').toBe(who));

  it('is who speaks where nothing is presented', () => {
    expect(leadOf(tiles.filter((t) => t.source !== 'stage'), 'presenter', '', 'anna')?.member.id).toBe('anna');
  });
});

it.each([
  ['Anna Berg', 'AB'],
  ['mike', 'MI'],
  ['sgt. john_doe', 'SD'],
  ['', '?'],
  ['李雷', '李雷'],
])('initials of %j', (name, said) => expect(initials(name)).toBe(said));
