/** The radio beside the map: channels, the word, what was said, the emergency call, and the administration of channels. */
import { accessible, check, expect, fits, listen, login, shot } from './harness.mjs';
import { fakeRooms } from './fake-rooms.mjs';

const sizes = [
  { name: 'phone', width: 390, height: 844, touch: true },
  { name: 'tablet', width: 820, height: 1180, touch: true },
  { name: 'desk', width: 1440, height: 900, touch: false },
];

export async function radioActs({ browser, mock }) {
  for (const size of sizes) await look(size, 'dark');
  await look(sizes[1], 'light');

  async function look(size, theme) {
    const id = theme === 'dark' ? size.name : `${size.name}-light`;
    const context = await browser.newContext({
      ...{ viewport: { width: size.width, height: size.height }, hasTouch: size.touch, isMobile: size.touch, colorScheme: theme, permissions: ['microphone'] },
    });
    await context.addInitScript(() => localStorage.setItem('muster.theme', '"system"'));
    await context.addInitScript(fakeRooms);
    const page = await context.newPage();
    const complaints = listen(page);
    const requests = (type) => page.evaluate((t) => window.fakeRooms.requests.filter((r) => r.type === t), type);
    const emit = (room, type, data) => page.evaluate(([r, t, d]) => window.fakeRooms.emit(r, t, d), [room, type, data]);
    const panel = page.getByRole('complementary', { name: 'Radio' });

    await check(`${id}: the radio lists channels and who is in`, async () => {
      await login(page, mock.url, 'admin', '/rooms');
      await page.getByRole('button', { name: 'Open the radio' }).click();
      await panel.locator('[data-channel=lage]').getByText('3 in').waitFor();
      await accessible(page, 'radio');
      await fits(page, 'radio');
    });
    await check(`${id}: one channel to talk in, another to listen to, by sound alone`, async () => {
      await panel.getByRole('button', { name: 'Listen to Nachtschicht' }).click();
      await panel.getByRole('button', { name: 'Talk in Lage am Morgen' }).click();
      await panel.getByText('You talk here').waitFor();
      await emit('nacht', 'speakers', { active: 'wache', slots: ['wache', ''] });
      await panel.getByText('WACHE 1: talking').first().waitFor();
      const joins = await requests('join');
      expect(joins.length === 2 && joins[0].data.room === 'nacht' && joins[0].data.listen === true && joins[1].data.listen === undefined, JSON.stringify(joins));
      expect((await requests('offer')).every((o) => !o.data.sdp.includes('m=video')), 'no section is for pictures');
    });
    await check(`${id}: the word is asked for, and is another's`, async () => {
      await page.locator('body').press('F8'); // not the key yet
      await page.getByRole('button', { name: 'Key and side' }).click();
      await page.getByRole('button', { name: 'Key to talk: Space bar' }).click();
      await page.keyboard.press('F8');
      await page.getByRole('button', { name: 'Key to talk: F8' }).waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.down('F8');
      await panel.getByText('You are heard').waitFor();
      await panel.getByText(/\d+ s left/).waitFor();
      await shot(page, `${id}-radio-talking`);
      await page.waitForTimeout(350);
      await page.keyboard.up('F8');
      await emit('lage', 'floor', { holder: 'falke', since: new Date().toISOString(), until: new Date(Date.now() + 20_000).toISOString() });
      await emit('lage', 'speakers', { active: 'falke', slots: ['falke', ''] });
      await panel.getByText('FALKE 2 has the word').waitFor();
      await page.evaluate(() => (window.fakeRooms.taken = true));
      await page.keyboard.down('F8');
      await page.waitForTimeout(400);
      await shot(page, `${id}-radio-busy`);
      expect((await panel.getByRole('button', { name: 'Talk: Busy' }).count()) === 1, 'the button says that it is busy');
      await page.keyboard.up('F8');
      await page.evaluate(() => (window.fakeRooms.taken = false));
      expect((await requests('talk')).map((r) => r.data.on).join() === 'true,false,true', JSON.stringify(await requests('talk')));
    });
    await check(`${id}: volumes of people, what was said, settings for ATAK`, async () => {
      await panel.locator('[data-channel=lage] .what').click();
      const slider = panel.getByRole('slider', { name: 'Volume: FALKE 2' });
      await slider.fill('40');
      await panel.getByRole('button', { name: 'Silence Lage am Morgen' }).click();
      await panel.getByRole('button', { name: 'Let Lage am Morgen sound' }).click();
      expect((await page.evaluate(() => localStorage.getItem('muster.rooms.volumes'))) === '[["mumble:FALKE 2",40]]', 'it is remembered');
      await panel.getByRole('button', { name: 'Play the last 5 min' }).waitFor();
      await panel.getByText(/· 0:04/).waitFor();
      await accessible(page, 'radio with people');
      await fits(page, 'radio with people');
      await shot(page, `${id}-radio-people`);
    });
    await check(`${id}: an emergency call is held and asked for once more`, async () => {
      const button = panel.getByRole('button', { name: 'Emergency call' });
      await button.click({ delay: 200 });
      expect((await page.getByRole('dialog').count()) === 0, 'a short press does nothing');
      await button.click({ delay: 2300 });
      await page.getByRole('dialog', { name: 'Emergency call in Lage am Morgen?' }).getByRole('button', { name: 'Emergency call' }).click();
      await panel.getByText('Emergency: admin').waitFor();
      await shot(page, `${id}-radio-emergency`);
      await panel.getByRole('button', { name: 'End emergency call' }).click();
      await button.waitFor();
    });
    await check(`${id}: changing over leaves the one and listens to the other no more`, async () => {
      await panel.getByRole('button', { name: 'Talk in Nachtschicht' }).click();
      await page.waitForFunction(() => window.fakeRooms.requests.some((r) => r.room === 'nacht' && r.type === 'listen' && r.data.on === false));
      await panel.locator('[data-channel=nacht]').getByText('You talk here').or(panel.locator('[data-channel=nacht]').getByText('WACHE 1: talking')).first().waitFor();
      expect((await panel.locator('[data-channel=lage]').getByText('Listening').count()) === 0, 'Lage was left');
      expect((await panel.getByRole('button', { name: 'Emergency call' }).count()) === 0, 'without floor control there is no emergency call');
    });
    await check(`${id}: a host lets one at a time talk`, async () => {
      await page.goto(`${mock.url}/rooms`);
      const room = page.locator('[data-room=lage]');
      await room.getByRole('button', { name: 'More: Lage am Morgen' }).click();
      await room.getByRole('button', { name: 'Change' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('One at a time talks').check();
      await dialog.getByLabel('Longest talk, in seconds').fill('45');
      await accessible(page, 'settings of a room');
      await shot(page, `${id}-room-settings`);
      const [request] = await Promise.all([page.waitForRequest((r) => r.method() === 'PATCH'), dialog.getByRole('button', { name: 'Save' }).click()]);
      expect(request.postDataJSON().floor === 45, request.postData());
    });
    await check(`${id}: the administration of channels`, async () => {
      await page.goto(`${mock.url}/admin/voice`);
      if (size.name !== 'phone') await panel.locator('[data-channel=nacht]').waitFor(); // it stays
      else expect((await panel.count()) === 0, 'on a phone the lens is seen');
      await page.waitForTimeout(300);
      await page.locator('.channels [data-channel=lage]').getByText('FALKE 2').waitFor();
      await page.getByText('vhf-noise').first().waitFor();
      await accessible(page, 'voice channels');
      await fits(page, 'voice channels');
      await shot(page, `${id}-voice-channels`);
    });
    await check(`${id}: no script errors`, () => expect(complaints.length === 0, complaints.join('\n')));
    await context.close();
  }
}
