import './app.css';
import { mount } from 'svelte';
import { direction, language } from '$lib/locale';
import { recall } from '$lib/state/prefs';
import { chooseLanguage, speak, t } from '$lib/strings';

// A page opened before the server was upgraded asks for parts that are no longer there: load the new
// console, but never in a circle, and never while the server is away: what is on the screen stays.
addEventListener('vite:preloadError', () => {
  const last = Number(sessionStorage.getItem('muster.reloaded'));
  if (Date.now() - last < 60_000) return;
  fetch('/', { method: 'HEAD', cache: 'no-store' })
    .then((response) => {
      if (!response.ok) return;
      sessionStorage.setItem('muster.reloaded', String(Date.now()));
      location.reload();
    })
    .catch(() => undefined);
});

/** The rest is loaded when the words are there, so that what is made from words while loading is right. */
async function start(): Promise<void> {
  const target = document.getElementById('app')!;
  await speak(chooseLanguage(recall<unknown>('language', null), navigator.languages));
  // The letters that Chinese and Japanese share are drawn differently; "zh" alone leaves open which.
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language;
  document.documentElement.dir = direction;
  try {
    const { default: App } = await import('./App.svelte');
    mount(App, { target });
  } catch (e) {
    target.textContent = t.frame.notLoaded;
    throw e;
  }
}

void start();
