import { describe as suite, expect, it } from 'vitest';
import { en } from '$lib/strings/en';
import { css, fromArgb, inkOn, roleLetters, teamColour, teamNames, toArgb } from './colours';
import { affiliationOf, describe, kindOf, toSidc } from './sidc';

suite('the symbol of a type', () => {
  it.each([
    ['a-f-G-U-C', 'SFGPUC---------'],
    ['a-h-G-E-V-A-T', 'SHGPEVAT-------'],
    ['a-n-A-C-F', 'SNAPCF---------'],
    ['a-u-S', 'SUSP-----------'],
    ['a-f-A-M-F-Q-r', 'SFAPMFQ--------'],
    ['a-s-G', 'SSGP-----------'],
    ['a-.-G', 'SUGP-----------'],
    ['a-o-G', 'SUGP-----------'],
    ['a-f-X-i', 'SFZP-----------'],
    ['a-f-G-U-C-I-Z-M-T-O-X', 'SFGPUCIZMT-----'],
  ])('%s is %s', (type, sidc) => expect(toSidc(type)).toBe(sidc));

  it('has always fifteen characters, and is none for what is no atom', () => {
    for (const type of ['b-m-p-s-m', 'u-d-f', 'a', 'a-f', '', 't-x-c-t']) expect(toSidc(type)).toBeNull();
    for (const type of ['a-f-G', 'a--', 'a-f-G-1-2-3-4-5-6-7-8']) expect(toSidc(type)).toHaveLength(15);
  });
});

suite('what a thing is', () => {
  it.each([
    [{ type: 'a-f-G-U-C', team: 'Cyan' }, 'person'],
    [{ type: 'a-f-G-U-C', connected: false }, 'person'],
    [{ type: 'a-h-G' }, 'unit'],
    [{ type: 'b-m-p-s-m' }, 'marker'],
    [{ type: 'u-d-f' }, 'drawing'],
    [{ type: 'u-d-f', geofence: true }, 'geofence'],
    [{ type: 'b-m-r' }, 'route'],
    [{ type: 'u-rb-a' }, 'measure'],
    [{ type: 'b-m-p-s-p-loc' }, 'sensor'],
    [{ type: 'b-a-o-tbl' }, 'emergency'],
    [{ type: 'b-r-f-h-c' }, 'report'],
  ])('%o is a %s', (item, kind) => expect(kindOf(item)).toBe(kind));

  it('is said in words', () => {
    expect(describe('a-f-A-M-F-Q', en)).toBe('friendly, drone');
    expect(describe('a-h-G-E-V-A-T-H', en)).toBe('hostile, tank');
    expect(describe('b-m-p-w', en)).toBe('waypoint');
    expect(describe('z-odd', en)).toBe('z-odd');
    expect(affiliationOf('a-j-G')).toBe('joker');
  });
});

suite('colours', () => {
  it('knows the fourteen teams', () => {
    expect(teamNames).toHaveLength(14);
    expect(teamColour('Cyan')).toBe('#00ffff');
    expect(teamColour('Chartreuse')).toBeNull();
    expect([inkOn('#ffff00'), inkOn('#00007f')]).toEqual(['#000000', '#ffffff']);
    expect([roleLetters('Medic'), roleLetters('Team Member')]).toEqual(['+', '']);
  });

  it('reads and writes the integers of CoT', () => {
    expect(fromArgb(-65536)).toEqual({ colour: '#ff0000', opacity: 1 });
    expect(toArgb('#ff0000')).toBe(-65536);
    expect(fromArgb(toArgb('#12ab34', 0.5)).colour).toBe('#12ab34');
    expect(css(-1778319616, '#fff')).toBe('rgb(0 255 0 / 0.588)');
    expect(css(undefined, '#fff')).toBe('#fff');
  });
});
