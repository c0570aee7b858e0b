import { describe, expect, it } from 'vitest';
import { bitrate, bytes, date, dateTime, delay, fileName, percent, since, zuluClock } from './format';

describe('format', () => {
  it.each([
    [0, '0 kbit/s'],
    [NaN, '0 kbit/s'],
    [300, '1 kbit/s'],
    [96_000, '96 kbit/s'],
    [999_400, '999 kbit/s'],
    [999_600, '1.0 Mbit/s'],
    [2_130_000, '2.1 Mbit/s'],
    [120_000_000, '120 Mbit/s'],
  ])('bitrate %d', (bps, text) => expect(bitrate(bps)).toBe(text));

  it.each([
    [0, '0 B'],
    [-4, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_700, '1.0 MB'],
    [2_200_000_000, '2.2 GB'],
    [65_000_000_000, '65 GB'],
  ])('bytes %d', (n, text) => expect(bytes(n)).toBe(text));

  it.each([
    [84.4, '84 ms'],
    [2440, '2.4 s'],
  ])('delay %d', (ms, text) => expect(delay(ms)).toBe(text));

  it.each([
    [0, '0 %'],
    [0.004, '0.4 %'],
    [0.04, '4 %'],
  ])('percent %d', (share, text) => expect(percent(share)).toBe(text));

  const now = Date.parse('2026-11-21T12:00:00Z');
  it.each([
    ['2026-11-21T11:59:48Z', '12 s'],
    ['2026-11-21T12:00:05Z', '0 s'],
    ['2026-11-21T11:56:00Z', '4 min'],
    ['2026-11-21T08:55:00Z', '3 h 05 min'],
    ['2026-11-19T08:00:00Z', '2 d 4 h'],
    ['nonsense', ''],
  ])('since %s', (time, text) => expect(since(time, now)).toBe(text));

  it('shows no date for none and for the zero time of Go', () => {
    expect(date(undefined)).toBe('–');
    expect(date('0001-01-01T00:00:00Z')).toBe('–');
    expect(dateTime(null)).toBe('–');
  });

  it('tells Zulu time', () => expect(zuluClock(now)).toBe('12:00Z'));
  it('names a file of a nested stream', () => expect(fileName('uas/eo', now, 'png')).toBe('uas-eo-2026-11-21T12.00.00Z.png'));
});
