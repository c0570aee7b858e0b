/** Where every word on the screen comes from. A translation is another object of type Catalogue. */
import { useLanguage } from '$lib/locale';
import { en } from './en';

export type Catalogue = typeof en;

/**
 * The words of the language that is shown. main.ts chooses the language before it loads the rest, so
 * whoever imports t finds the right words from the beginning.
 */
export let t: Catalogue = en;

type Loaders = Record<string, () => Promise<Catalogue>>;

/** Every language beside English, which is built in, is loaded when it is wanted. */
export const catalogues: Loaders = {
  de: async () => (await import('./de')).de,
  nl: async () => (await import('./nl')).nl,
  sv: async () => (await import('./sv')).sv,
  fr: async () => (await import('./fr')).fr,
  es: async () => (await import('./es')).es,
  pt: async () => (await import('./pt')).pt,
  it: async () => (await import('./it')).it,
  pl: async () => (await import('./pl')).pl,
  hu: async () => (await import('./hu')).hu,
  uk: async () => (await import('./uk')).uk,
  el: async () => (await import('./el')).el,
  ar: async () => (await import('./ar')).ar,
  th: async () => (await import('./th')).th,
  zh: async () => (await import('./zh')).zh,
  ja: async () => (await import('./ja')).ja,
  ko: async () => (await import('./ko')).ko,
};

/** The languages there are, each written in itself. */
export const languages: Record<string, string> = {
  en: 'English',
  de: 'Deutsch',
  nl: 'Nederlands',
  sv: 'Svenska',
  fr: 'Français',
  es: 'Español',
  pt: 'Português',
  it: 'Italiano',
  pl: 'Polski',
  hu: 'Magyar',
  uk: 'Українська',
  el: 'Ελληνικά',
  ar: 'العربية',
  th: 'ไทย',
  zh: '简体中文',
  ja: '日本語',
  ko: '한국어',
};

/** How long (ms) a catalogue may take; English now is better than the right words too late. */
const patience = 10_000;

/**
 * The language to show: what the person chose, else the first that the browser asks for and that there
 * is, whatever the region ("de-CH" is German), else English.
 */
export function chooseLanguage(chosen: unknown, wanted: readonly string[], there: readonly string[] = Object.keys(languages)): string {
  for (const tag of [chosen, ...wanted]) {
    if (typeof tag !== 'string') continue;
    const code = tag.toLowerCase().split(/[-_]/)[0]!;
    if (there.includes(code)) return code;
  }
  return 'en';
}

/** Loads the words of a language. Where they do not come the console speaks English. */
export async function speak(code: string, loaders: Loaders = catalogues, wait = patience): Promise<void> {
  let words: Catalogue | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, wait)));
    words = await Promise.race([loaders[code]?.(), late]);
  } catch {
    // Missing or broken: English below.
  } finally {
    clearTimeout(timer);
  }
  t = words ?? en;
  useLanguage(words ? code : 'en');
}
