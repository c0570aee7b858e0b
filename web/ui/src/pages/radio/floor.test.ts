import { describe, expect, it } from 'vitest';
import { lasted, secondsLeft } from './floor';

describe('the word', () => {
  const now = Date.parse('2026-11-26T10:00:00Z');
  it.each([
    ['nobody has it', { holder: '' }, null],
    ['an emergency has no end', { holder: 'a', since: '2026-11-26T09:59:00Z', emergency: true }, null],
    ['it ends', { holder: 'a', until: '2026-11-26T10:00:12.4Z' }, 12],
    ['it has ended', { holder: 'a', until: '2026-11-26T09:59:00Z' }, 0],
    ['there is none', null, null],
  ])('%s', (_, floor, left) => expect(secondsLeft(floor, now)).toBe(left));

  it.each([[4.2, '0:04'], [59.6, '1:00'], [300, '5:00'], [-1, '0:00']])('%f s are %s', (s, text) => expect(lasted(s)).toBe(text));
});
