/**
 * The console in a real browser against the mock: looks (pictures at four sizes, for somebody to
 * look at), accessibility (axe) and behaviour. Needs Chromium and ffmpeg; build first.
 *
 *   npm run build && npm run test:browser [looks|acts|tak|radio]
 */
import { accessible, check, expect, fits, launch, listen, login, shot, sizes, summary } from './harness.mjs';
import { takActs } from './acts-tak.mjs';
import { acts } from './acts.mjs';
import { radioActs } from './acts-radio.mjs';
import { startMock } from './mock.mjs';
import { openSfu } from './sfu.mjs';

const only = process.argv[2];
const browser = await launch();
const sfu = await openSfu(await browser.newContext());
const mock = await startMock({ answer: sfu.answer });

const mapReady = async (page) => {
  await page.locator('.maplibregl-canvas').waitFor({ timeout: 60_000 });
  // The ground comes tile by tile.
  await page.waitForTimeout(6000);
};
const mission = '/files/missions/0f3a6c1e-7f2b-4b0a-9f51-2a1d5e8c7b10';

/** Pages and what has to be seen before the picture is taken. */
const pages = [
  ['map', '/map', mapReady],
  ['map-card', '/map?show=ANDROID-5f3c9a1b7d2e', mapReady],
  ['chat', '/chat', async (page) => page.getByText('Stabil.').waitFor()],
  ['chat-room', '/chat/direct%3AANDROID-5f3c9a1b7d2e', async (page) => page.getByRole('article').getByText('Landeplatz hier').waitFor()],
  ['rooms', '/rooms', async (page) => page.getByText('Lage am Morgen').waitFor()],
  ['room', '/rooms/lage', async (page) => page.getByText('maj.keller').waitFor()],
  ['files', '/files', async (page) => page.getByRole('link', { name: 'Lagekarte.kmz' }).waitFor()],
  ['missions', '/files/missions', async (page) => page.getByText('Hochwasser Ost').waitFor()],
  ['mission', mission, async (page) => page.getByText('Einsatz begonnen').waitFor()],
  ['devices', '/admin/devices', async (page) => page.getByText('412 waiting').waitFor()],
  ['enrolment', '/admin/enrolment', async (page) => page.getByText('Waiting', { exact: true }).first().waitFor()],
  ['profiles', '/admin/profiles', async (page) => page.getByRole('rowheader', { name: 'Alle Geräte' }).waitFor()],
  ['retention', '/admin/retention', async (page) => page.getByText('Positions and tracks').waitFor()],
  ['wall', '/video', async (page) => page.locator('canvas.shown').first().waitFor()],
  ['player', '/video/uas/north/eo', async (page) => page.getByText('Delay').waitFor()],
  ['player-hls', '/video/uas/south/eo', async (page) => page.getByText('Playing over HLS').waitFor({ timeout: 20_000 })],
  ['player-offline', '/video/uas/none', async (page) => page.getByText('The publisher has stopped').waitFor()],
  ['recordings', '/recordings', async (page) => page.getByRole('link', { name: 'medevac/helmet-2', exact: true }).waitFor()],
  ['publish', '/publish', async (page) => page.getByRole('button', { name: 'Switch on' }).click()],
  ['people', '/admin/people', async (page) => page.getByText('Ida Hansen').waitFor()],
  ['tokens', '/admin/tokens', async (page) => page.getByRole('rowheader', { name: 'ground station' }).waitFor()],
  ['sessions', '/admin/sessions', async (page) => page.getByText('10.20.4.17').waitFor()],
  ['certificates', '/admin/certificates', async (page) => page.getByRole('rowheader', { name: 'tablet 7' }).waitFor()],
  ['streams', '/admin/streams', async (page) => page.getByText('gate-east').first().waitFor()],
  ['health', '/admin/health', async (page) => page.getByText('The ACME server').waitFor()],
  ['missing', '/video2', async (page) => page.getByText('There is nothing here').waitFor()],
];

async function look(size, theme) {
  const context = await browser.newContext({
    viewport: { width: size.width, height: size.height },
    ...{ hasTouch: size.touch, isMobile: size.touch, colorScheme: theme, permissions: ['camera', 'microphone'] },
  });
  await context.addInitScript(() => localStorage.setItem('muster.theme', '"system"'));
  const page = await context.newPage();
  const complaints = listen(page);
  const id = theme === 'dark' ? size.name : `${size.name}-light`;
  await check(`${id}: login`, async () => {
    await page.goto(`${mock.url}/login`);
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    await shot(page, `${id}-login`);
    await accessible(page, 'login');
    await fits(page, 'login');
    await login(page, mock.url);
  });
  for (const [name, path, ready] of pages) {
    await check(`${id}: ${name}`, async () => {
      await page.goto(mock.url + path);
      await ready(page);
      await page.waitForTimeout(name === 'publish' ? 1500 : 300);
      await shot(page, `${id}-${name}`);
      await accessible(page, name);
      await fits(page, name);
    });
  }
  await check(`${id}: an emergency`, async () => {
    mock.situation.raise();
    await page.goto(`${mock.url}/video`);
    try {
      await page.getByRole('region', { name: 'Emergencies' }).getByText('911 Alert').waitFor();
      await page.locator('canvas.shown').first().waitFor();
      await shot(page, `${id}-alarm`);
      await accessible(page, 'alarm');
      await fits(page, 'alarm');
    } finally {
      mock.situation.cancel('IOS-7be01f22aa90-9-1-1');
    }
  });
  await check(`${id}: nothing breaks the policy, no script errors`, () => expect(complaints.length === 0, complaints.join('\n')));
  await context.close();
}

async function empty() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const kept = mock.state.streams.splice(0);
  await check('the empty wall says how to fill it', async () => {
    await login(page, mock.url, 'admin', '/video');
    await page.getByText('No stream is live').waitFor();
    await page.getByText('ffmpeg -re').waitFor();
    await shot(page, 'desk-empty');
    await accessible(page, 'empty wall');
    await page.setViewportSize({ width: 360, height: 740 });
    await shot(page, 'phone-empty');
    await fits(page, 'empty wall');
  });
  mock.state.streams.push(...kept);
  await context.close();
}

try {
  if (!only || only === 'looks') {
    for (const size of sizes) await look(size, 'dark');
    await look(sizes[2], 'light');
    await empty();
  }
  if (!only || only === 'acts') await acts({ browser, mock, sfu });
  if (!only || only === 'tak') await takActs({ browser, mock });
  if (!only || only === 'radio') await radioActs({ browser, mock });
} finally {
  await browser.close();
  await mock.stop();
}
process.exit(summary());
