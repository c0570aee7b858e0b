/**
 * How the language that is shown writes numbers and days and orders names. Set once, before anything
 * is shown. Times are 24 h in every language, coordinates and units are the same everywhere.
 */

/** The code of the language: "en", "de". */
export let language = 'en';

/** Orders names as people of that language look them up; "cam 2" comes before "cam 10". */
export let compareNames: (a: string, b: string) => number;

let point: string;
let whole: Intl.NumberFormat;
let days: Intl.DateTimeFormat | null;
let shortDays: Intl.DateTimeFormat | null;

export function useLanguage(code: string): void {
  language = code;
  compareNames = new Intl.Collator(code, { numeric: true }).compare;
  point = new Intl.NumberFormat(code).formatToParts(1.5).find((p) => p.type === 'decimal')?.value ?? '.';
  whole = new Intl.NumberFormat(code);
  // English is read in many countries that disagree about days; the international order is plain to all.
  days = code === 'en' ? null : new Intl.DateTimeFormat(code, { year: 'numeric', month: '2-digit', day: '2-digit' });
  shortDays = code === 'en' ? null : new Intl.DateTimeFormat(code, { month: '2-digit', day: '2-digit' });
}

useLanguage('en');

/** A number with as many digits after the decimal sign: "2.1", "2,1". */
export const decimal = (n: number, digits: number): string => n.toFixed(digits).replace('.', point);

/** A count with its thousands apart: "12,400", "12.400". */
export const count = (n: number): string => whole.format(n);

const two = (n: number) => String(n).padStart(2, '0');

/** A day, local: "2026-11-21", "21.11.2026". */
export function day(d: Date): string {
  return days ? days.format(d) : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** A day of this year: "11-21", "21.11.". */
export function shortDay(d: Date): string {
  return shortDays ? shortDays.format(d) : `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}
