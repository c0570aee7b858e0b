/** What people do with the map, with chat and files, and with the devices of a TAK server. */
import { accessible, check, expect, listen, login, shot } from './harness.mjs';

/** Where a thing stands after "show on map" on a desk: the middle of what list and card leave free. */
const middle = { x: 742, y: 52 + 848 / 2 };

export async function takActs({ browser, mock }) {
  const context = await browser.newContext({
    ...{ viewport: { width: 1440, height: 900 }, acceptDownloads: true },
    ...{ permissions: ['clipboard-read', 'clipboard-write', 'geolocation'], geolocation: { latitude: 47.26, longitude: 11.39 } },
  });
  const page = await context.newPage();
  const complaints = listen(page);
  await login(page, mock.url);
  await map(page, mock);
  await alarm(page, mock);
  await chat(page, mock);
  await files(page, mock);
  await missions(page, mock);
  await devices(page, mock);
  await twoSteps(page, mock, browser);
  await check('no script errors, nothing against the policy (TAK)', () => expect(complaints.length === 0, [...new Set(complaints)].join('\n')));
  await context.close();
}

const mapReady = (page) => page.locator('.maplibregl-canvas').waitFor({ timeout: 60_000 });

async function map(page, mock) {
  await check('the map: people in the list, one card with grid, battery, groups and device', async () => {
    await page.goto(`${mock.url}/map`);
    await mapReady(page);
    await page.getByLabel('Filter by name, group, type').fill('hansen');
    await page.waitForFunction(() => document.querySelectorAll('.panel li').length === 1);
    await page.getByRole('button', { name: /FALKE 2/ }).click();
    const card = page.getByRole('complementary');
    await card.getByText(/^32T P[TU] \d{5} \d{5}$/).waitFor();
    for (const text of ['Connected', '78 %', 'recon', 'ATAK-CIV 5.4.0.12, Samsung SM-T636B']) await card.getByText(text, { exact: true }).first().waitFor();
    await card.getByRole('button', { name: 'Copy: Grid reference' }).click();
    expect(/^32T P[TU] \d{5} \d{5}$/.test(await page.evaluate(() => navigator.clipboard.readText())), 'the grid reference is copied');
    await page.getByLabel('Filter by name, group, type').fill('');
    await accessible(page, 'map with a card');
  });

  await check('the map: who is in a room and who talks, in the list, on the card and beside the symbol', async () => {
    const [falke, luchs] = ['ANDROID-5f3c9a1b7d2e', 'ANDROID-c40b77aa1290'];
    mock.situation.enter(falke, 'lage', 'Lage am Morgen');
    mock.situation.enter(luchs, 'lage', 'Lage am Morgen');
    await page.goto(`${mock.url}/map?show=${falke}`);
    await mapReady(page);
    const row = page.locator('.panel li').filter({ hasText: 'FALKE 2' });
    const card = page.getByRole('complementary');
    for (const where of [row, card]) await where.getByText('In Lage am Morgen').waitFor();
    mock.situation.talk(falke);
    for (const where of [row, card]) await where.getByText('Talking · Lage am Morgen').waitFor();
    await page.locator('.panel li').filter({ hasText: 'LUCHS 4' }).getByText('In Lage am Morgen').waitFor();
    await card.getByRole('link', { name: 'Join', exact: true }).waitFor();
    await page.waitForTimeout(2500);
    await shot(page, 'desk-map-voice');
    await accessible(page, 'map with somebody who talks');
    mock.situation.talk();
    await row.getByText('In Lage am Morgen').waitFor();
    mock.situation.leaveRooms();
    await row.getByText('Lage am Morgen').waitFor({ state: 'detached' });
  });

  await check('the map: a press on a symbol opens its card, hovering a drone shows its picture', async () => {
    await page.goto(`${mock.url}/map?show=N-1`);
    await mapReady(page);
    const card = page.getByRole('complementary');
    await card.getByRole('heading', { name: 'Krankenhaus' }).waitFor();
    await page.waitForTimeout(800);
    await page.keyboard.press('Escape');
    await card.waitFor({ state: 'detached' });
    await page.mouse.click(middle.x, middle.y);
    await card.getByRole('heading', { name: 'Krankenhaus' }).waitFor();
    await page.goto(`${mock.url}/map?show=CAM-GATE-EAST`);
    await mapReady(page);
    await card.getByRole('heading', { name: 'Tor Ost' }).waitFor();
    await card.getByRole('link', { name: 'Watch', exact: true }).waitFor();
    await page.waitForTimeout(800);
    await page.keyboard.press('Escape');
    await page.mouse.move(middle.x - 30, middle.y - 80);
    await page.mouse.move(middle.x, middle.y, { steps: 5 });
    await page.locator('.hover .picture').waitFor();
    await shot(page, 'desk-map-hover');
  });

  await check('the map: a marker is put, seen and removed again', async () => {
    await page.getByRole('button', { name: 'Add a marker' }).click();
    await page.mouse.click(middle.x + 60, middle.y + 100);
    const dialog = page.getByRole('dialog', { name: 'New marker' });
    await dialog.getByRole('button', { name: 'Hostile' }).click();
    await dialog.getByLabel('Name').fill('Sperre 7');
    await shot(page, 'desk-map-marker');
    await accessible(page, 'new marker');
    await dialog.getByRole('button', { name: 'Add it' }).click();
    const card = page.getByRole('complementary');
    await card.getByRole('heading', { name: 'Sperre 7' }).waitFor();
    const made = [...mock.situation.all.values()].find((i) => i.callsign === 'Sperre 7');
    expect(made?.type === 'a-h-G', `type ${made?.type}`);
    await card.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Sperre 7 is removed').waitFor();
    expect(!mock.situation.all.has(made.uid), 'gone on the server');
  });

  await check('the map: measuring, point by point, Escape ends', async () => {
    await page.getByRole('button', { name: 'Measure' }).click();
    await page.mouse.click(middle.x - 100, middle.y);
    await page.mouse.click(middle.x + 100, middle.y - 40);
    await page.getByText(/^Total \d+/).waitFor();
    await page.mouse.click(middle.x + 120, middle.y + 90);
    await shot(page, 'desk-map-measure');
    await page.keyboard.press('Escape');
    await page.getByText(/^Total/).waitFor({ state: 'detached' });
  });

  await check('the map: layers are switched, tiles of a PMTiles file are drawn', async () => {
    await page.getByRole('button', { name: 'Layers' }).click();
    const asked = page.waitForRequest((r) => r.url().endsWith('world.pmtiles'));
    await page.getByLabel('World overview').check();
    await asked;
    await page.getByLabel('Sensor cones').uncheck();
    expect((await page.evaluate(() => JSON.parse(localStorage.getItem('muster.map.layers')).sensors)) === false, 'the choice is remembered');
    await page.getByLabel('Sensor cones').check();
    await accessible(page, 'layers');
    await page.getByLabel('World overview').uncheck();
    await page.keyboard.press('Escape');
  });

  await check('the map: the past is played and left', async () => {
    await page.getByRole('button', { name: 'Replay' }).click();
    const slider = page.getByRole('slider', { name: 'Time shown' });
    await slider.waitFor();
    const before = Number(await slider.inputValue());
    await slider.fill(String(before - 600_000));
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await page.waitForFunction((from) => Number(document.querySelector('[type=range]').value) > from + 5000, before - 600_000);
    await shot(page, 'desk-map-replay');
    await accessible(page, 'replay');
    await page.getByRole('button', { name: 'Back to live' }).click();
    await slider.waitFor({ state: 'detached' });
  });

  await check('the map: follows one, and stops when somebody else takes the wheel', async () => {
    await page.goto(`${mock.url}/map?show=ANDROID-77bb11cc22dd`);
    await mapReady(page);
    await page.getByRole('complementary').getByRole('button', { name: 'Follow' }).click();
    await page.getByText('Following KONVOI 1').waitFor();
    await page.mouse.move(middle.x, middle.y + 120);
    await page.mouse.down();
    await page.mouse.move(middle.x + 80, middle.y + 60, { steps: 6 });
    await page.mouse.up();
    await page.getByText('Following KONVOI 1').waitFor({ state: 'detached' });
    await page.getByRole('complementary').getByRole('button', { name: 'Way of the last hour' }).click();
    await page.waitForTimeout(400);
    await shot(page, 'desk-map-way');
  });

  await check('the map: sharing one’s position makes a mark that ends with it', async () => {
    await page.getByRole('button', { name: 'Share my position' }).click();
    await page.waitForFunction(() => document.querySelector('[aria-label="Your position is shared"]'));
    for (let i = 0; i < 50 && !mock.situation.all.has('WEB-4f2a90'); i++) await page.waitForTimeout(100);
    expect(mock.situation.all.has('WEB-4f2a90'), 'the server knows');
    await page.getByRole('button', { name: 'Your position is shared' }).click();
    for (let i = 0; i < 50 && mock.situation.all.has('WEB-4f2a90'); i++) await page.waitForTimeout(100);
    expect(!mock.situation.all.has('WEB-4f2a90'), 'and forgets');
  });

  await check('the palette finds people, places by grid and by degrees, rooms and missions', async () => {
    await page.goto(`${mock.url}/files`);
    await page.locator('[aria-keyshortcuts="Control+K"]').waitFor();
    const find = async (text) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill(text);
      await page.getByRole('option').first().waitFor();
    };
    await find('32T PT 81097 37752');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/map*');
    await page.getByRole('complementary').getByRole('heading', { name: 'Place' }).waitFor({ timeout: 30_000 });
    await find('47.27, 11.4');
    await page.getByRole('option', { name: /32T PT/ }).waitFor();
    await page.keyboard.press('Escape');
    await find('luchs 5');
    await page.keyboard.press('Enter');
    await page.getByRole('complementary').getByRole('heading', { name: 'LUCHS 5' }).waitFor({ timeout: 30_000 });
    await find('hochwasser');
    await page.getByRole('option', { name: /mission/ }).waitFor();
    await page.getByRole('option', { name: /chat room/ }).click();
    await page.waitForURL('**/chat/mission*');
  });
}

async function alarm(page, mock) {
  await check('an emergency is on every page, is silenced but stays, and is cancelled after a question', async () => {
    mock.situation.raise();
    const banner = page.getByRole('region', { name: 'Emergencies' });
    for (const path of ['/video', '/chat', '/files', '/admin/health']) {
      await page.goto(mock.url + path);
      await banner.getByText('911 Alert').waitFor();
    }
    await shot(page, 'desk-alarm');
    await accessible(page, 'emergency');
    await page.keyboard.press('Control+k');
    await page.keyboard.press('Escape');
    await banner.getByRole('button', { name: 'Acknowledge' }).click();
    await banner.getByText('Acknowledged').waitFor();
    await page.reload();
    await banner.getByText('Acknowledged').waitFor();
    await banner.getByRole('link', { name: 'Show on map' }).click();
    await page.getByRole('complementary').getByRole('heading', { name: /SANI 3/ }).waitFor({ timeout: 30_000 });
    await page.waitForTimeout(500);
    await shot(page, 'desk-alarm-map');
    await page.getByRole('complementary').getByRole('button', { name: 'Close' }).click();
    mock.situation.raise('ANDROID-c40b77aa1290', 'In Contact');
    await banner.getByText('In Contact').waitFor();
    await banner.getByRole('button', { name: 'Cancel it LUCHS 4' }).click();
    await page.getByRole('dialog').getByText('In Contact: LUCHS 4').waitFor();
    await shot(page, 'desk-alarm-cancel');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
    await banner.getByText('In Contact').waitFor({ state: 'detached' });
    await banner.getByRole('button', { name: 'Cancel it SANI 3' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
    await banner.waitFor({ state: 'detached' });
  });
}

async function chat(page, mock) {
  await check('chat: rooms with what is new, states of what one wrote, a failure that can be tried again', async () => {
    await page.goto(`${mock.url}/chat`);
    const rooms = page.getByRole('navigation', { name: 'Rooms' });
    await rooms.getByText('1 new message').first().waitFor();
    await rooms.getByRole('link', { name: /SANI 3/ }).click();
    await page.getByRole('log').getByText('Stabil.').waitFor();
    await page.waitForFunction(() => !document.querySelector('[aria-label="Rooms"] a[aria-current] .unread'));
    await page.getByLabel('Message to SANI 3').fill('Fahrzeug kommt.');
    await page.keyboard.press('Enter');
    const said = page.getByRole('article').filter({ hasText: 'Fahrzeug kommt.' });
    await said.getByText('Read').waitFor({ timeout: 10_000 });
    await page.getByLabel('Message to SANI 3').fill('fail');
    await page.keyboard.press('Enter');
    const failed = page.getByRole('article').filter({ hasText: 'fail' });
    await failed.getByText('Not delivered').waitFor();
    await failed.getByRole('button', { name: 'Send again' }).click();
    await failed.getByText('Not delivered').waitFor();
    await shot(page, 'desk-chat-failed');
    await accessible(page, 'chat');
    await rooms.getByRole('link', { name: /BERG 7/ }).click();
    await page.getByRole('article').getByText('On its way').waitFor();
  });

  await check('chat: what others write arrives; one is told of it elsewhere', async () => {
    await page.goto(`${mock.url}/files`);
    await page.getByRole('heading', { name: 'Packages' }).waitFor();
    const message = { id: 'new-1', room: 'group:base', roomName: 'base', kind: 'group', senderUid: 'ANDROID-77bb11cc22dd', senderCallsign: 'KONVOI 1', text: 'Angekommen.', time: new Date().toISOString(), state: 'sent', mine: false };
    const before = Number((await page.getByRole('link', { name: /Chat/ }).locator('.badge').textContent().catch(() => '0')) || 0);
    mock.say({ kind: 'chat', messages: [message] });
    await page.waitForFunction((n) => Number(document.querySelector('.badge')?.textContent) === n + 1, before);
    mock.say({ kind: 'chat', messages: [{ ...message, state: 'delivered' }] });
    await page.waitForTimeout(300);
    expect(Number(await page.locator('.badge').textContent()) === before + 1, 'a new state is no new message');
  });

  await check('chat: places and files go along; older messages come when asked for', async () => {
    await page.goto(`${mock.url}/chat/All%20Chat%20Rooms`);
    await page.getByRole('button', { name: 'Older messages' }).click();
    await page.getByText('Meldung 1: alles').waitFor();
    await page.getByRole('button', { name: 'Send a place' }).click();
    await page.getByLabel('Grid reference or latitude').fill('somewhere');
    await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click();
    await page.getByText('Write it like').waitFor();
    await page.getByLabel('Grid reference or latitude').fill('32T PT 81097 37752');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('article').filter({ hasText: '32T PT 81097 37752' }).getByRole('link', { name: 'Show on map' }).waitFor();
    await page.getByRole('button', { name: 'Send a file' }).click();
    await page.getByRole('dialog').getByRole('button', { name: /Lagekarte/ }).click();
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('article').filter({ hasText: 'Lagekarte.kmz' }).getByRole('link', { name: 'Download' }).waitFor();
  });
}

async function files(page, mock) {
  await check('packages: upload with groups, one too large is a sentence, cancelling', async () => {
    await page.goto(`${mock.url}/files`);
    await page.getByRole('heading', { name: 'Packages' }).waitFor();
    await page.getByLabel('Upload', { exact: true }).setInputFiles({ name: 'plan.zip', mimeType: 'application/zip', buffer: Buffer.alloc(40_000) });
    const dialog = page.getByRole('dialog', { name: 'Upload a file' });
    await dialog.getByRole('button', { name: 'recon' }).click();
    await shot(page, 'desk-upload');
    await accessible(page, 'upload');
    await dialog.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('plan.zip is on the server').waitFor();
    await page.getByRole('row', { name: /plan\.zip/ }).getByText('recon').waitFor();
    expect(mock.state.tak.packages[0].groups.join() === 'recon', mock.state.tak.packages[0].groups.join());
    await page.getByLabel('Upload', { exact: true }).setInputFiles({ name: 'huge.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(9_000_000) });
    await dialog.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('larger than the 8 MB').waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Dismiss huge.bin' }).click();
    await page.route('**/api/v1/packages?*', () => {});
    await page.getByLabel('Upload', { exact: true }).setInputFiles({ name: 'slow.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(1000) });
    await dialog.getByRole('button', { name: 'Upload' }).click();
    await page.getByRole('progressbar', { name: 'Uploading slow.bin' }).waitFor();
    await shot(page, 'desk-uploading');
    await page.getByRole('button', { name: 'Cancel slow.bin' }).click();
    await page.getByText('The upload of slow.bin was cancelled').waitFor();
    await page.unroute('**/api/v1/packages?*');
  });

  await check('packages: changed, sent to somebody, removed after a question', async () => {
    const row = page.getByRole('row', { name: /plan\.zip/ });
    await row.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Keywords').fill('imagery, south');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText('imagery, south').waitFor();
    await row.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('dialog').getByLabel(/FALKE 2/).check();
    await shot(page, 'desk-send');
    await accessible(page, 'send a package');
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await page.getByText('Sent to 1 device').waitFor();
    await row.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('plan.zip is removed').waitFor();
  });
}

async function missions(page, mock) {
  await check('missions: made, filled, written, invited to, deleted', async () => {
    await page.goto(`${mock.url}/files/missions`);
    await page.getByRole('button', { name: 'New mission' }).click();
    const dialog = page.getByRole('dialog', { name: 'New mission' });
    await dialog.getByLabel('Name').fill('Suche Nord');
    await dialog.getByRole('button', { name: 'recon' }).click();
    await accessible(page, 'new mission');
    await dialog.getByRole('button', { name: 'New mission' }).click();
    await page.getByRole('heading', { name: 'Suche Nord' }).waitFor();
    await page.getByRole('button', { name: 'Add files' }).click();
    await page.getByRole('dialog').getByLabel(/Lagekarte/).check();
    await page.getByRole('button', { name: 'Add 1' }).click();
    await page.getByRole('link', { name: 'Lagekarte.kmz' }).waitFor();
    await page.getByRole('button', { name: 'Add from the map' }).click();
    await page.getByRole('dialog').getByLabel(/Treffpunkt/).check();
    await page.getByRole('button', { name: 'Add 1' }).click();
    await page.getByRole('button', { name: 'Treffpunkt', exact: true }).waitFor();
    await page.getByLabel('New entry').fill('Suche begonnen.');
    await page.getByRole('button', { name: 'Write' }).click();
    await page.getByText('Suche begonnen.').waitFor();
    await page.getByRole('button', { name: 'Invite' }).click();
    await page.getByRole('dialog').getByLabel(/LUCHS 4/).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
    await page.getByText('1 device is invited').waitFor();
    await page.getByRole('button', { name: 'Take out Lagekarte.kmz' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take out' }).click();
    await page.getByText('No files yet.').waitFor();
    await page.getByRole('button', { name: 'Delete mission' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete mission' }).click();
    await page.waitForURL('**/files/missions');
    await page.getByText('The mission Suche Nord is deleted').waitFor();
  });

  await check('missions: a role is given, a thing opens its card', async () => {
    await page.goto(`${mock.url}/files/missions/0f3a6c1e-7f2b-4b0a-9f51-2a1d5e8c7b10`);
    await page.getByLabel('Role of TAL 2').selectOption('MISSION_SUBSCRIBER');
    for (let i = 0; i < 30 && mock.state.tak.missions[0].subscriptions[2].role !== 'MISSION_SUBSCRIBER'; i++) await page.waitForTimeout(100);
    expect(mock.state.tak.missions[0].subscriptions[2].role === 'MISSION_SUBSCRIBER', 'the role is on the server');
    await page.getByRole('button', { name: 'Krankenhaus', exact: true }).click();
    await page.getByRole('complementary').getByText('neutral, building').waitFor();
    await page.keyboard.press('Escape');
  });
}

async function devices(page, mock) {
  await check('devices: protocol, queue, groups; one is disconnected', async () => {
    await page.goto(`${mock.url}/admin/devices`);
    await page.getByRole('row', { name: /SANI 3/ }).getByText('412 waiting, 301 kB').waitFor();
    await page.getByRole('row', { name: /FALKE 2/ }).getByText('TLS, Protobuf v1').waitFor();
    await page.getByRole('row', { name: /LUCHS 6/ }).getByRole('button', { name: 'Disconnect' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    await page.getByText('LUCHS 6 was disconnected').waitFor();
    await page.getByRole('row', { name: /LUCHS 6/ }).waitFor({ state: 'detached' });
    mock.situation.connect('ANDROID-12aa40f0c3d2', true);
  });

  await check('enrolment: codes for both clients with the time that is left; revoked', async () => {
    await page.goto(`${mock.url}/admin/enrolment`);
    await page.getByRole('button', { name: 'Make the code' }).click();
    await page.getByRole('dialog').getByLabel('Person').fill('pvt.novak');
    await page.getByRole('dialog').getByRole('button', { name: 'Make the code' }).click();
    const dialog = page.getByRole('dialog', { name: 'Code for pvt.novak' });
    await dialog.getByRole('img', { name: 'QR code for ATAK' }).waitFor();
    await dialog.getByRole('img', { name: 'QR code for iTAK' }).waitFor();
    await dialog.getByText(/Valid for (30:00|29:\d\d) more/).waitFor();
    await shot(page, 'desk-enrol');
    await accessible(page, 'enrolment codes');
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('The code is revoked').waitFor();
    await page.getByRole('button', { name: 'Make and download' }).click();
    const form = page.getByRole('dialog', { name: 'Connection package' });
    await form.getByLabel('Person').fill('pvt.novak');
    await form.getByLabel('Device', { exact: true }).fill('tablet 3');
    await form.getByRole('combobox', { name: /^Team/ }).selectOption('Cyan');
    await accessible(page, 'connection package');
    const [download] = await Promise.all([page.waitForEvent('download'), form.getByRole('button', { name: 'Make and download' }).click()]);
    expect(download.suggestedFilename() === 'muster-pvt.novak-atak.zip', download.suggestedFilename());
  });

  await check('profiles: made, given a file and a setting, removed', async () => {
    await page.goto(`${mock.url}/admin/profiles`);
    await page.getByRole('button', { name: 'New profile' }).click();
    await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('Fahrer');
    await page.getByRole('button', { name: 'Add a setting' }).click();
    await page.getByRole('dialog').getByLabel('Key').fill('locationTeam');
    await page.getByRole('dialog').getByLabel('Value').fill('Orange');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText('Files can be added now').waitFor();
    await page.getByLabel('Add a file').setInputFiles({ name: 'karte.zip', mimeType: 'application/zip', buffer: Buffer.alloc(5000) });
    await page.getByRole('dialog').getByText('karte.zip').waitFor();
    await shot(page, 'desk-profile');
    await accessible(page, 'profile');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('row', { name: /Fahrer/ }).getByText('1 file, 1 setting').waitFor();
    await page.getByRole('row', { name: /Fahrer/ }).getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Profile Fahrer is removed').waitFor();
  });

  await check('retention: a rule is changed, what would go is shown, and then goes', async () => {
    await page.goto(`${mock.url}/admin/retention`);
    await page.getByLabel('Chat: Kept for (days)').fill('30');
    await page.getByText('Save the rules to see').waitFor();
    await page.getByRole('button', { name: 'Save rules' }).click();
    await page.getByText('The rules are saved').waitFor();
    expect(mock.state.tak.retention.rules.find((r) => r.kind === 'chat').days === 30, 'saved on the server');
    await page.getByRole('button', { name: 'Show what would go' }).click();
    await page.getByText('With these rules would be removed').waitFor();
    await shot(page, 'desk-retention-preview');
    await accessible(page, 'retention preview');
    await page.getByRole('button', { name: 'Remove now' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove now' }).click();
    await page.getByText(/Last run .* removed/).waitFor();
  });
}

async function twoSteps(page, mock, browser) {
  await check('two-step login: set up from the menu, with recovery codes, and switched off', async () => {
    const open = async () => {
      await page.getByRole('button', { name: /account and appearance/ }).click();
      await page.getByRole('button', { name: 'Two-step login' }).click();
    };
    await page.goto(`${mock.url}/files`);
    await open();
    await page.getByRole('dialog').getByLabel('Password').fill('a password');
    await page.getByRole('button', { name: 'Set it up' }).click();
    await page.getByRole('img', { name: /QR code of the key/ }).waitFor();
    await shot(page, 'desk-totp');
    await accessible(page, 'two-step login');
    await page.getByLabel('Code', { exact: true }).fill('000000');
    await page.getByRole('button', { name: 'Switch it on' }).click();
    await page.getByRole('alert').getByText('not right').waitFor();
    await page.getByLabel('Code', { exact: true }).fill('123 456');
    await page.getByRole('button', { name: 'Switch it on' }).click();
    await page.getByRole('dialog', { name: 'Recovery codes' }).waitFor();
    await shot(page, 'desk-totp-codes');
    await page.getByRole('button', { name: 'I have them' }).click();
    await open();
    await page.getByRole('dialog').getByLabel('Password').fill('a password');
    await page.getByRole('dialog').getByLabel('Code').fill('123456');
    await page.getByRole('button', { name: 'Switch it off' }).click();
    await page.getByText('Two-step login is off').waitFor();
  });

  await check('two-step login: the code is asked for after the password; other ways in are offered', async () => {
    mock.state.oidc = [{ id: 'org', name: 'the organisation' }];
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const door = await context.newPage();
    await door.goto(`${mock.url}/login?next=/files`);
    const link = door.getByRole('link', { name: 'Log in with the organisation' });
    await link.waitFor();
    expect((await link.getAttribute('href')) === '/api/v1/login/oidc/org?next=%2Ffiles', await link.getAttribute('href'));
    await shot(door, 'desk-login-oidc');
    await door.getByLabel('Name', { exact: true }).fill('two.steps');
    await door.getByLabel('Password', { exact: true }).fill('right');
    await door.keyboard.press('Enter');
    await door.getByLabel('Code from your').fill('111111');
    await door.keyboard.press('Enter');
    await door.getByText('This code is not right').waitFor();
    await shot(door, 'desk-login-code');
    await accessible(door, 'login with a code');
    await door.getByLabel('Code from your').fill('123456');
    await door.keyboard.press('Enter');
    await door.waitForURL('**/files');
    mock.state.oidc = [];
    await context.close();
  });
}
