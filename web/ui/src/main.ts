import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';

// A page opened before the server was upgraded asks for parts that are no longer there: load the new
// console, but never in a circle.
addEventListener('vite:preloadError', (event) => {
  const last = Number(sessionStorage.getItem('muster.reloaded'));
  if (Date.now() - last < 60_000) return;
  sessionStorage.setItem('muster.reloaded', String(Date.now()));
  event.preventDefault();
  location.reload();
});

mount(App, { target: document.getElementById('app')! });
