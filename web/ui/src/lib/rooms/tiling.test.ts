import { describe, expect, it } from 'vitest';
import { nameOf, strip, tiling } from './tiling';

describe('tiles', () => {
  it.each([
    ['one fills a wide screen by its height', 1, 1600, 720, 1, 1280],
    ['two stand side by side on a desk', 2, 1366, 600, 2, 679],
    ['two stand one above the other on a phone', 2, 360, 500, 1, 328],
    ['four make a square', 4, 1280, 720, 2, 632],
  ])('%s', (_, n, w, h, columns, width) => {
    const got = tiling(n, w, h, 8);
    expect(got.columns).toBe(columns);
    expect(Math.abs(got.width - width)).toBeLessThan(40);
  });

  it.each([1, 5, 12, 25])('%d never leave the screen', (n) => {
    for (const [w, h] of [[360, 400], [800, 1000], [1366, 600], [3840, 2000]] as const) {
      const t = tiling(n, w, h, 8);
      expect(t.columns * t.width + (t.columns - 1) * 8).toBeLessThanOrEqual(w);
      expect(Math.ceil(n / t.columns) * t.height).toBeLessThanOrEqual(h);
    }
  });

  it('names a room by its title', () => expect(nameOf(' Évening briefing / North ')).toBe('evening-briefing-north'));
});

describe('one large picture with small ones', () => {
  it.each([
    ['has them beside it on a desk', 4, 1366, 700, true],
    ['has them below it on a phone', 4, 344, 500, false],
    ['has them below it on an upright tablet', 4, 720, 1000, false],
  ])('%s', (_, n, w, h, beside) => {
    const got = strip(n, w, h, 8);
    expect(got.beside).toBe(beside);
    expect(beside ? got.leadWidth + 8 + got.width : got.leadHeight + 8 + got.height).toBe(beside ? w : h);
    expect(got.most).toBeGreaterThanOrEqual(3 - Number(!beside));
  });

  it('fills everything alone', () => expect(strip(0, 800, 600, 8)).toMatchObject({ leadWidth: 800, leadHeight: 600, most: 0 }));
});
