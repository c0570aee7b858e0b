import { afterEach, describe, expect, it, vi } from 'vitest';
import { bytes, date, dateTime, delay, since } from '$lib/format';
import { latLon } from '$lib/geo/coordinates';
import { compareNames, count, direction, language, shortDay } from '$lib/locale';
import { catalogues, chooseLanguage, languages, speak, t, type Catalogue } from '.';
import { en } from './en';
import { plurals } from './words';

// Every catalogue is read and compared: a busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

afterEach(() => speak('en'));

/** Every word by its path, and every function with its number of parameters. */
function shape(value: unknown, path: string, out: Map<string, string>): Map<string, string> {
  if (typeof value === 'function') out.set(path, `function of ${value.length}`);
  else if (value && typeof value === 'object') for (const [k, v] of Object.entries(value)) shape(v, path ? `${path}.${k}` : k, out);
  else out.set(path, typeof value);
  return out;
}

/** The words themselves, without what functions make. */
function words(value: unknown, path: string, out: [string, string][]): [string, string][] {
  if (typeof value === 'string') out.push([path, value]);
  else if (value && typeof value === 'object') for (const [k, v] of Object.entries(value)) words(v, path ? `${path}.${k}` : k, out);
  return out;
}

const others = Object.keys(catalogues);

describe.each(others)('the catalogue %s', (code) => {
  it('has the keys of English and no other', async () => {
    const theirs = shape(await catalogues[code]!(), '', new Map());
    const ours = shape(en, '', new Map());
    expect(Object.fromEntries(theirs)).toEqual(Object.fromEntries(ours));
  });

  it('has a word where English has one', async () => {
    const empty = words(await catalogues[code]!(), '', []).filter(([path, word]) => word.trim() === '' && path !== 'frame.announce.connecting');
    expect(empty).toEqual([]);
  });

  // Asked for what they say, functions must put in what they are given and never "undefined".
  it('puts in what functions are given', async () => {
    const theirs = await catalogues[code]!();
    const check = (a: unknown, b: unknown, path: string) => {
      if (typeof a === 'function' && typeof b === 'function' && path !== 'titleOf') {
        for (const value of ['Alpha', 7]) {
          const args = Array.from({ length: a.length }, () => value);
          let english: string;
          try {
            english = String(a(...args));
          } catch {
            continue; // It wants the other kind of value.
          }
          if (/NaN|undefined/.test(english)) continue;
          const said = String(b(...args));
          if (typeof value === 'string' && said.includes('NaN')) continue; // It counts.
          expect(said, path).not.toMatch(/undefined|\[object|NaN/);
          expect(said.trim() === '', path).toBe(english.trim() === '');
          if (english.includes(String(value))) expect(said, path).toContain(String(value));
        }
      } else if (a && typeof a === 'object') {
        for (const [k, v] of Object.entries(a)) check(v, (b as Record<string, unknown>)[k], path ? `${path}.${k}` : k);
      }
    };
    check(en, theirs, '');
  });

  it('is on the list of languages, by its own name', () => expect(languages[code]).toBeTruthy());

  // Buttons of this kind stand side by side at 360 px.
  it('keeps buttons and tabs short', async () => {
    const theirs: Catalogue = await catalogues[code]!();
    const bar = [theirs.frame.map, theirs.frame.video, theirs.frame.chat, theirs.frame.files, theirs.frame.admin];
    for (const word of bar) expect(word.length, word).toBeLessThanOrEqual(10);
    for (const word of [theirs.common.cancel, theirs.common.close, theirs.common.save, theirs.common.edit]) expect(word.length, word).toBeLessThanOrEqual(11);
    for (const word of Object.values(theirs.menu.themes)) expect(word.length, word).toBeLessThanOrEqual(9);
  });
});

describe('the choice of language', () => {
  const there = ['en', 'de', 'fr', 'pl'];
  it.each([
    ['what the person chose', 'fr', ['de-CH', 'en'], 'fr'],
    ['the first of the browser that there is', null, ['rm-CH', 'de-CH', 'fr'], 'de'],
    ['a region alone', null, ['de-CH'], 'de'],
    ['any case', null, ['FR_ca'], 'fr'],
    ['a language that is gone', 'xx', ['pl'], 'pl'],
    ['a choice that is no word', { a: 1 }, ['pl'], 'pl'],
    ['English when nothing fits', null, ['xx-YY', ''], 'en'],
    ['English when nothing is said', '', [], 'en'],
    ['English before German', null, ['en-US', 'de'], 'en'],
  ])('%s', (_, chosen, wanted, code) => expect(chooseLanguage(chosen, wanted, there)).toBe(code));

  it('loads the words', async () => {
    const other = { ...en, titleOf: () => 'Karte' };
    await speak('de', { de: () => Promise.resolve(other) });
    expect(t).toBe(other);
    expect(language).toBe('de');
  });

  it.each([
    ['fails', () => Promise.reject(new TypeError('gone'))],
    ['breaks at once', () => { throw new Error('broken'); }],
    ['never comes', () => new Promise<Catalogue>(() => undefined)],
  ])('is English where the chunk %s', async (_, load) => {
    await speak('de', { de: load }, 20);
    expect(t).toBe(en);
    expect(language).toBe('en');
  });

  it('is English where there is no such language', async () => {
    await speak('xx');
    expect(t).toBe(en);
    expect(language).toBe('en');
  });
});

describe('counting', () => {
  const counts = [0, 1, 2, 5, 21, 22];
  it.each([
    ['en', ['stream', 'streams'], ['0 streams', '1 stream', '2 streams', '5 streams', '21 streams', '22 streams']],
    ['de', ['Gerät', 'Geräte'], ['0 Geräte', '1 Gerät', '2 Geräte', '5 Geräte', '21 Geräte', '22 Geräte']],
    ['fr', ['flux vidéo', 'flux vidéos'], ['0 flux vidéo', '1 flux vidéo', '2 flux vidéos', '5 flux vidéos', '21 flux vidéos', '22 flux vidéos']],
    ['pl', ['plik', 'pliki', 'plików'], ['0 plików', '1 plik', '2 pliki', '5 plików', '21 plików', '22 pliki']],
    ['uk', ['файл', 'файли', 'файлів'], ['0 файлів', '1 файл', '2 файли', '5 файлів', '21 файл', '22 файли']],
  ] as const)('in %s', (code, forms, said) => {
    const plural = plurals(code);
    expect(counts.map((n) => plural(n, ...(forms as unknown as [string, string, string])))).toEqual(said);
  });

  it.each(others.filter((code) => ['de', 'fr', 'pl', 'uk'].includes(code)))('in the catalogue %s', async (code) => {
    const { contents } = (await catalogues[code]!()).missions;
    expect(counts.map(contents)).toEqual({
      de: ['0 Dateien', '1 Datei', '2 Dateien', '5 Dateien', '21 Dateien', '22 Dateien'],
      fr: ['0 fichier', '1 fichier', '2 fichiers', '5 fichiers', '21 fichiers', '22 fichiers'],
      pl: ['0 plików', '1 plik', '2 pliki', '5 plików', '21 plików', '22 pliki'],
      uk: ['0 файлів', '1 файл', '2 файли', '5 файлів', '21 файл', '22 файли'],
    }[code]!);
  });
});

describe('numbers, days and order', () => {
  const here = '2026-11-21T12:00:00';

  it('are those of the language', async () => {
    await speak('de', { de: () => Promise.resolve(en) });
    expect([bytes(1_400_000), delay(2440), count(12_400)]).toEqual(['1,4 MB', '2,4 s', '12.400']);
    expect(date(here)).toBe('21.11.2026');
    expect(dateTime(here)).toBe('21.11.2026 12:00');
    expect(shortDay(new Date(here))).toBe('21.11.');
    expect(['Zug', 'Übung', 'Uhu', 'cam10', 'cam2'].sort(compareNames)).toEqual(['cam2', 'cam10', 'Übung', 'Uhu', 'Zug']);
  });

  it.each([
    ['ar', ['\u206825\u200f/11\u200f/2026\u2069', '12,400']],
    ['ja', ['2026/11/25', '12,400']],
    ['ko', ['2026. 11. 25.', '12,400']],
    ['nl', ['25-11-2026', '12.400']],
    ['pt', ['25/11/2026', '12.400']],
    ['sv', ['2026-11-25', '12\u00a0400']],
    ['th', ['25/11/2026', '12,400']],
    ['zh', ['2026/11/25', '12,400']],
  ])('have the digits and the years of everybody else in %s', async (code, said) => {
    await speak(code, { [code]: () => Promise.resolve(en) });
    expect([date('2026-11-25T12:00:00'), count(12_400)]).toEqual(said);
  });

  it('are the international ones in English', () => {
    expect([bytes(1_400_000), delay(2440), count(12_400)]).toEqual(['1.4 MB', '2.4 s', '12,400']);
    expect(date(here)).toBe('2026-11-21');
    expect(shortDay(new Date(here))).toBe('11-21');
  });
});

describe('the direction', () => {
  it.each(Object.keys(languages))('of %s is that of its letters', async (code) => {
    await speak(code);
    expect(direction).toBe(/\p{Script=Arabic}|\p{Script=Hebrew}/u.test(languages[code]!) ? 'rtl' : 'ltr');
  });

  it('is that of English where the words do not come', async () => {
    await speak('ar', { ar: () => Promise.reject(new TypeError('gone')) });
    expect(direction).toBe('ltr');
  });

  it('of figures with units is from left to right among Arabic words', async () => {
    const figures = () => [since('2026-11-25T12:00:00Z', Date.parse('2026-11-25T15:05:00Z')), bytes(1_400_000), latLon({ lat: 47.1, lon: 11.2 }, 1)];
    const plain = figures();
    await speak('ar');
    expect(figures()).toEqual(plain.map((text) => `\u2068${text}\u2069`));
  });
});
