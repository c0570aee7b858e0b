/** Numbers, times and sizes as people read them. `now` is an argument. */
import { day, decimal, figure } from './locale';

/** bits per second: "2.1 Mbit/s". */
export function bitrate(bps: number): string {
  if (!Number.isFinite(bps) || bps <= 0) return figure('0 kbit/s');
  if (bps >= 999_500) return figure(`${decimal(bps / 1e6, bps >= 99.95e6 ? 0 : 1)} Mbit/s`);
  return figure(`${Math.max(1, Math.round(bps / 1e3))} kbit/s`);
}

/** Bytes: "1.4 GB". */
export function bytes(n: number): string {
  if (!Number.isFinite(n) || n < 1000) return figure(`${Math.max(0, Math.round(n) || 0)} B`);
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let value = n;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return figure(`${decimal(value, value < 9.95 ? 1 : 0)} ${units[unit]}`);
}

/** Milliseconds of delay: "84 ms", "2.4 s". */
export function delay(ms: number): string {
  if (ms < 1000) return figure(`${Math.round(ms)} ms`);
  return figure(`${decimal(ms / 1000, 1)} s`);
}

/** A share from 0 to 1: "4 %", "0.3 %". */
export function percent(share: number): string {
  const p = share * 100;
  return figure(`${p > 0 && p < 1 ? decimal(p, 1) : Math.round(p)} %`);
}

/** How long since an RFC 3339 time: "12 s", "4 min", "3 h 05 min", "2 d 4 h". */
export function since(time: string, now: number): string {
  const s = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (Number.isNaN(s)) return '';
  if (s < 60) return figure(`${s} s`);
  if (s < 3600) return figure(`${Math.floor(s / 60)} min`);
  if (s < 86_400) return figure(`${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`);
  return figure(`${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`);
}

const two = (n: number) => String(n).padStart(2, '0');

/** Local wall clock: "14:05:09". */
export function localClock(now: number, seconds = true): string {
  const d = new Date(now);
  return `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? `:${two(d.getSeconds())}` : ''}`;
}

/** Zulu clock: "12:05Z". */
export function zuluClock(now: number): string {
  const d = new Date(now);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}Z`;
}

/** A date as written in lists: "2026-11-21 14:05", local time; "–" for none. Go's zero time is none. */
export function dateTime(time: string | undefined | null): string {
  const d = new Date(time ?? '');
  if (Number.isNaN(d.getTime()) || d.getUTCFullYear() < 1971) return '–';
  return figure(`${day(d)} ${two(d.getHours())}:${two(d.getMinutes())}`);
}

/** The day alone: "2026-11-21"; "–" for none. */
export function date(time: string | undefined | null): string {
  const d = new Date(time ?? '');
  return Number.isNaN(d.getTime()) || d.getUTCFullYear() < 1971 ? '–' : day(d);
}

/** A name that a file can have: "uas/north 2026-11-21 14.05.09Z" becomes "uas-north-…". */
export function fileName(stream: string, now: number, extension: string): string {
  const stamp = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z').replaceAll(':', '.');
  return `${stream.replaceAll('/', '-')}-${stamp}.${extension}`;
}
