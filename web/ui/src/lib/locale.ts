/**
 * How the language that is shown writes numbers and days and orders names. Set once, before anything
 * is shown. Times are 24 h in every language, coordinates and units are the same everywhere.
 */

/** The code of the language: "en", "de". */
export let language = 'en';

/** Where lines of the language begin: 'rtl' is at the right. */
export let direction: 'ltr' | 'rtl' = 'ltr';

const fromTheRight = ['ar'];

/** How numbers and days are asked for, where the usual way of the language is not wanted: digits as in
 * coordinates and times, and years as in the reports of everybody else. */
const tags: Record<string, string> = { ar: 'ar-u-nu-latn', th: 'th-u-ca-gregory' };

/** Orders names as people of that language look them up; "cam 2" comes before "cam 10". */
export let compareNames: (a: string, b: string) => number;

let point: string;
let whole: Intl.NumberFormat;
let days: Intl.DateTimeFormat | null;
let shortDays: Intl.DateTimeFormat | null;

export function useLanguage(code: string): void {
  language = code;
  direction = fromTheRight.includes(code) ? 'rtl' : 'ltr';
  const tag = tags[code] ?? code;
  compareNames = new Intl.Collator(code, { numeric: true }).compare;
  point = new Intl.NumberFormat(tag).formatToParts(1.5).find((p) => p.type === 'decimal')?.value ?? '.';
  whole = new Intl.NumberFormat(tag);
  // English is read in many countries that disagree about days; the international order is plain to all.
  days = code === 'en' ? null : new Intl.DateTimeFormat(tag, { year: 'numeric', month: '2-digit', day: '2-digit' });
  shortDays = code === 'en' ? null : new Intl.DateTimeFormat(tag, { month: '2-digit', day: '2-digit' });
}

useLanguage('en');

/**
 * A figure with its unit, or a date, which keeps the order of its parts: "3 h 05 min". Among words that
 * are read from right to left these would be put in the order of what stands beside them.
 */
export const figure = (text: string): string => (direction === 'rtl' ? `\u2068${text}\u2069` : text);

/** A number with as many digits after the decimal sign: "2.1", "2,1". */
export const decimal = (n: number, digits: number): string => n.toFixed(digits).replace('.', point);

/** A count with its thousands apart: "12,400", "12.400". */
export const count = (n: number): string => whole.format(n);

const two = (n: number) => String(n).padStart(2, '0');

/** A day, local: "2026-11-21", "21.11.2026". */
export function day(d: Date): string {
  return days ? figure(days.format(d)) : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** A day of this year: "11-21", "21.11.". */
export function shortDay(d: Date): string {
  return shortDays ? figure(shortDays.format(d)) : `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}
