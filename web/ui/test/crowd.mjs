/**
 * Thousands of moving tracks: what one update of the map costs the page's main thread. Figures, no verdict:
 * machines differ.
 *
 *   npm run build && node test/crowd.mjs [tracks]
 */
import { launch, login, shot } from './harness.mjs';
import { startMock } from './mock.mjs';

const tracks = Number(process.argv[2] ?? 5000);
const seconds = 10;
const browser = await launch();
const mock = await startMock({ crowd: tracks });

async function measure(name, zoom) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addInitScript((z) => localStorage.setItem('muster.map.where', JSON.stringify({ centre: { lat: 47.262, lon: 11.394 }, zoom: z })), zoom);
  const page = await context.newPage();
  await login(page, mock.url);
  await page.locator('.maplibregl-canvas').waitFor({ timeout: 60_000 });
  await page.waitForTimeout(15_000);
  const cdp = await context.newCDPSession(page);
  // Time of the thread, not of the clock: other programs on the machine do not count.
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]));
  if (process.env.PROFILE) {
    await cdp.send('Profiler.enable');
    await cdp.send('Profiler.start');
  }
  const before = await read();
  await page.waitForTimeout(seconds * 1000);
  const after = await read();
  if (process.env.PROFILE) {
    const { profile } = await cdp.send('Profiler.stop');
    const self = new Map();
    const dt = profile.timeDeltas;
    profile.samples.forEach((id, i) => self.set(id, (self.get(id) ?? 0) + dt[i]));
    const by = new Map();
    for (const node of profile.nodes) {
      const key = `${node.callFrame.functionName} ${node.callFrame.url.split('/').pop()}:${node.callFrame.lineNumber}:${node.callFrame.columnNumber}`;
      by.set(key, (by.get(key) ?? 0) + (self.get(node.id) ?? 0));
    }
    for (const [key, us] of [...by].sort((a, b) => b[1] - a[1]).slice(0, 25)) console.log(`  ${(us / 1000 / (seconds * 5)).toFixed(2)} ms  ${key}`);
  }
  const per = (metric) => (((after[metric] - before[metric]) * 1000) / (seconds * 5)).toFixed(2);
  console.log(`${name}: per update of the screen (5 a second): script ${per('ScriptDuration')} ms, style and layout ${per('RecalcStyleDuration')} + ${per('LayoutDuration')} ms, all tasks ${per('TaskDuration')} ms; heap ${(after.JSHeapUsedSize / 1e6).toFixed(0)} MB`);
  if (process.env.PICTURES) await shot(page, `crowd-${name}`);
  await context.close();
}

try {
  console.log(`${tracks} tracks, each reporting once a second, in ten messages a second`);
  await measure('country', 7);
  await measure('town', 11);
} finally {
  await browser.close();
  await mock.stop();
}
process.exit(0);
