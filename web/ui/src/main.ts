import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';

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

mount(App, { target: document.getElementById('app')! });
