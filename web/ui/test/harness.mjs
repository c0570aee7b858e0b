/** What the browser tests share: Chromium, the mock, login, screenshots, axe, and a list of checks. */
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Where the pictures go that somebody is to look at. */
export const pictures = process.env.MUSTER_PICTURES ?? join(tmpdir(), 'muster-ui');
await mkdir(pictures, { recursive: true });

export const sizes = [
  { name: 'phone', width: 360, height: 740, touch: true },
  { name: 'tablet', width: 800, height: 1280, touch: true },
  { name: 'desk', width: 1440, height: 900, touch: false },
  { name: 'wall', width: 3840, height: 2160, touch: false },
];

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
      ...['--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection', '--auto-select-desktop-capture-source=Entire screen'],
    ],
  });
}

const failures = [];
let passed = 0;

/** Runs one check; a failure is reported and the next check goes on. */
export async function check(name, run) {
  const started = Date.now();
  try {
    await run();
    passed++;
    console.log(`ok    ${name} (${Date.now() - started} ms)`);
  } catch (e) {
    failures.push(name);
    console.log(`FAIL  ${name}\n      ${String(e.stack ?? e).split('\n').slice(0, 6).join('\n      ')}`);
  }
}

export function summary() {
  console.log(`\n${passed} passed, ${failures.length} failed; pictures in ${pictures}`);
  return failures.length === 0 ? 0 : 1;
}

export function expect(condition, what) {
  if (!condition) throw new Error(what);
}

/** Complaints of the browser that a page caused: script errors and breaches of the policy. */
export function listen(page) {
  const complaints = [];
  page.on('pageerror', (e) => complaints.push(`pageerror: ${e.message}`));
  page.on('console', (message) => {
    const text = message.text();
    // Answers such as 404 and 401 are part of the tests.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource') && !text.includes('WebSocket connection')) complaints.push(text);
  });
  return complaints;
}

export async function login(page, url, user = 'admin', next = '') {
  await page.goto(`${url}/login${next ? `?next=${encodeURIComponent(next)}` : ''}`);
  await page.getByLabel('Name', { exact: true }).fill(user);
  await page.getByLabel('Password', { exact: true }).fill('a password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('navigation', { name: 'Lenses' }).waitFor();
}

/** Fails on serious and critical findings of axe. */
export async function accessible(page, where) {
  // Playwright's evaluate is not subject to the page's policy.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return result.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.failureSummary ?? ''}`) }));
  });
  const serious = found.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  for (const v of found.filter((f) => !serious.includes(f))) console.log(`      note ${where}: ${v.id} (${v.impact}) ${v.nodes[0]}`);
  expect(serious.length === 0, `${where}: ${serious.map((v) => `${v.id}: ${v.help}\n        ${v.nodes.join('\n        ')}`).join('\n      ')}`);
}

/** Nothing may stick out sideways, and what is pressed must be large enough. */
export async function fits(page, where) {
  const { wide, small } = await page.evaluate(() => {
    const small = [];
    for (const el of document.querySelectorAll('button, select, input:not([type=checkbox]), nav a')) {
      const box = el.getBoundingClientRect();
      if (box.width === 0 || el.closest('[hidden], .sr-only')) continue;
      if (box.height < 43.5 && !el.closest('.choices')) small.push(`${el.tagName} ${el.className} ${el.textContent.trim().slice(0, 20)} ${Math.round(box.width)}×${Math.round(box.height)}`);
    }
    return { wide: document.documentElement.scrollWidth - document.documentElement.clientWidth, small };
  });
  expect(wide <= 0, `${where}: the page is ${wide} px too wide`);
  expect(small.length === 0, `${where}: too small to touch: ${small.slice(0, 5).join('; ')}`);
}

/** A map on a wall screen, drawn without a graphics card, takes its time. */
export const shot = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`), timeout: 120_000 });
