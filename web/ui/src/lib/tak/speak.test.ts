import { describe, expect, it } from 'vitest';
import type { Item } from '$lib/api/situation';
import { age, extent, movement, subtitle } from './speak';

const item = (more: Partial<Item>): Item => ({
  ...{ uid: 'a', type: 'a-f-G-U-C', how: '', time: 0, start: 0, stale: 0, lat: 47, lon: 11, callsign: 'a', groups: [] },
  ...more,
});

describe('figures in words', () => {
  it('says who somebody is and what a thing is', () => {
    expect(subtitle(item({ team: 'Cyan', role: 'Medic' }))).toBe('Cyan, Medic');
    expect(subtitle(item({ type: 'a-h-G-E-V' }))).toBe('hostile, vehicle');
  });

  it('says how things move', () => {
    expect(movement({ speed: 1.4, course: 42 })).toBe('5.0 km/h, 042°');
    expect(movement({ speed: 20 })).toBe('72 km/h');
    expect(movement({ speed: 0.1, course: 5 })).toBe('');
  });

  it('says how old they are', () => {
    expect([age(-5), age(40_000), age(720_000), age(3 * 3_600_000), age(5 * 86_400_000)]).toEqual(['0 s', '40 s', '12 min', '3 h', '5 d']);
  });

  it('says how large drawings are', () => {
    expect(extent(item({}))).toBe('');
    expect(extent(item({ ellipse: { major: 500, minor: 500, angle: 0 } }))).toBe('radius 500 m');
    expect(extent(item({ ellipse: { major: 500, minor: 200, angle: 0 } }))).toBe('1.00 km by 400 m');
    expect(extent(item({ rangeBearing: { range: 3210, bearing: 7 } }))).toBe('3.21 km, 007°');
    expect(extent(item({ points: [[47, 11], [47.01, 11]] }))).toBe('1.11 km long');
    expect(extent(item({ points: [[47, 11], [47.01, 11], [47, 11.01]], closed: true }))).toBe('3 points');
  });
});
