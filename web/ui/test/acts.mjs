/** What people do, step by step. */
import { accessible, check, expect, listen, login, shot } from './harness.mjs';

export async function acts({ browser, mock, sfu }) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, permissions: ['camera', 'microphone', 'clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  const complaints = listen(page);

  await check('a wrong password is one sentence, and one goes where one wanted', async () => {
    await page.goto(`${mock.url}/admin/sessions`);
    await page.waitForURL(/\/login\?next=/);
    await page.getByLabel('Name', { exact: true }).fill('admin');
    await page.getByLabel('Password', { exact: true }).fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('do not match').waitFor();
    await accessible(page, 'login with a fault');
    await shot(page, 'desk-login-wrong');
    await page.getByLabel('Password', { exact: true }).fill('flood');
    await page.keyboard.press('Enter');
    await page.getByText('Too many failed logins').waitFor();
    await page.getByLabel('Password', { exact: true }).fill('right');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/sessions');
  });

  await check('the wall: stills, filter, groups, arranging by key, live changes', async () => {
    await page.goto(`${mock.url}/video`);
    await page.locator('canvas.shown').nth(2).waitFor();
    await page.getByLabel('Filter by name, person, group').fill('uas');
    await page.waitForFunction(() => document.querySelectorAll('.tile').length === 3);
    await page.getByLabel('Filter by name, person, group').fill('');
    const recon = page.getByRole('button', { name: 'recon', exact: true });
    await recon.click();
    await page.waitForFunction(() => !document.querySelector('[data-stream="uas/north/ir"]'));
    expect(await page.locator('[data-stream="uas/north/eo"]').count(), 'a stream with another group stays');
    await recon.click();
    const first = await page.locator('.tile').first().getAttribute('data-stream');
    await page.getByRole('button', { name: `Move ${first}` }).focus();
    await page.keyboard.press('ArrowRight');
    expect((await page.locator('.tile').nth(1).getAttribute('data-stream')) === first, 'the tile moved one place');
    await page.reload();
    await page.locator('.tile').nth(1).waitFor();
    expect((await page.locator('.tile').nth(1).getAttribute('data-stream')) === first, 'the order is remembered');
    const extra = { ...mock.state.streams[0], name: 'just/now', since: new Date().toISOString() };
    await page.getByText('Live', { exact: true }).first().waitFor();
    mock.emit('stream.ready', extra);
    await page.locator('[data-stream="just/now"]').waitFor();
    mock.emit('stream.ended', extra);
    await page.waitForFunction(() => !document.querySelector('[data-stream="just/now"]'));
  });

  await check('the wall: drag with the pointer, sizes, play in the tile', async () => {
    await page.getByRole('group', { name: 'Tiles on the screen' }).getByRole('button', { name: '9' }).click();
    const names = await page.locator('.tile').evaluateAll((tiles) => tiles.map((tile) => tile.dataset.stream));
    await page.locator('.tile').first().hover();
    const from = await page.locator('.tile .grip').first().boundingBox();
    const to = await page.locator('.tile').nth(2).boundingBox();
    await page.mouse.move(from.x + 20, from.y + 20);
    await page.mouse.down();
    await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 8 });
    await page.mouse.up();
    const after = await page.locator('.tile').evaluateAll((tiles) => tiles.map((tile) => tile.dataset.stream));
    expect(after[2] === names[0], `dragged to the third place: ${after.slice(0, 3)}`);
    const eo = page.locator('[data-stream="uas/north/eo"]');
    await eo.hover();
    await eo.getByRole('button', { name: 'Play uas/north/eo in this tile' }).click();
    await page.waitForFunction(() => document.querySelector('[data-stream="uas/north/eo"] video')?.videoWidth > 0);
    await shot(page, 'desk-wall-playing');
    await eo.getByRole('button', { name: 'Stop uas/north/eo in this tile' }).click();
    await page.getByRole('group', { name: 'Tiles on the screen' }).getByRole('button', { name: 'Auto' }).click();
  });

  await check('the player: WebRTC with figures, keys, trickle, farewell', async () => {
    mock.state.patches.length = 0;
    await page.goto(`${mock.url}/video/uas/north/eo`);
    await page.getByText('Delay').waitFor();
    expect(mock.state.patches.some((p) => p.includes('a=candidate:') && p.includes('a=ice-ufrag:')), 'candidates trickled');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await shot(page, 'desk-player-keys');
    await page.keyboard.press('Escape');
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Mute' }).waitFor();
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    await page.keyboard.press('Space');
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('s')]);
    expect(/^uas-north-eo-.*\.png$/.test(download.suggestedFilename()), download.suggestedFilename());
    const gone = mock.state.deleted.length;
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => location.pathname !== '/video/uas/north/eo');
    await page.waitForTimeout(300);
    expect(mock.state.deleted.length > gone, 'the session was deleted on the server');
  });

  await check('the player: comes back after the server ended the session', async () => {
    await page.goto(`${mock.url}/video/ops-room`);
    await page.getByText('Delay').waitFor();
    await sfu.endAll();
    await page.getByText('Next try in').or(page.getByText('Connecting…')).first().waitFor({ timeout: 12_000 });
    await page.getByText('Delay').waitFor({ timeout: 15_000 });
  });

  await check('the player: stays on the screen while the server is away, and plays again', async () => {
    mock.state.down = true;
    mock.cut();
    await sfu.endAll();
    await page.getByText('The server cannot be reached').first().waitFor({ timeout: 15_000 });
    await page.getByText(/Reconnecting \d+ s/).waitFor();
    await shot(page, 'desk-player-down');
    mock.state.down = false;
    await page.getByText('Delay').waitFor({ timeout: 30_000 });
    await page.getByRole('banner').getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });
  });

  await check('the player: the publisher stops and comes back', async () => {
    const stream = mock.state.streams.find((s) => s.name === 'ops-room');
    mock.state.streams.splice(mock.state.streams.indexOf(stream), 1);
    mock.emit('stream.ended', stream);
    await page.getByText('The publisher has stopped').waitFor();
    const back = { ...stream, since: new Date().toISOString() };
    mock.state.streams.push(back);
    mock.emit('stream.ready', back);
    await page.getByText('Delay').waitFor();
  });

  await check('the player: HLS where WebRTC cannot, with the reason', async () => {
    await page.goto(`${mock.url}/video/uas/south/eo`);
    await page.getByText('B-frames, which WebRTC cannot carry').waitFor({ timeout: 20_000 });
    await page.getByText('Delay').waitFor();
    await page.waitForFunction(() => document.querySelector('video').currentTime > 1);
    await shot(page, 'desk-player-hls-moving');
  });

  await check('the player: a codec that nothing here decodes is a sentence', async () => {
    const stream = { ...mock.state.streams[0], name: 'odd', tracks: [{ codec: 'MPEG-4 Video', kind: 'video', detail: 'MPEG-4 Video' }] };
    mock.state.streams.push(stream);
    await page.goto(`${mock.url}/video/odd`);
    await page.getByText('This cannot play here').waitFor();
    await page.getByText('cannot decode MPEG-4 Video over WebRTC').waitFor();
    await shot(page, 'desk-player-cannot');
    await accessible(page, 'player that cannot');
    mock.state.streams.splice(mock.state.streams.indexOf(stream), 1);
  });

  await check('addresses: copy, and a QR code only with a key made on purpose', async () => {
    await page.goto(`${mock.url}/video/uas/north/eo`);
    await page.getByRole('button', { name: 'Copy: RTSP address for VLC, ffplay, ATAK' }).click();
    expect((await page.evaluate(() => navigator.clipboard.readText())).includes('USER:PASSWORD'), 'no secret before it is asked for');
    await page.getByRole('button', { name: 'Make a key' }).click();
    await page.getByText('valid until').waitFor();
    await page.getByRole('button', { name: /QR code of the RTSP address for .*ATAK/ }).click();
    await page.getByRole('img', { name: /QR code of the RTSP address for .*ATAK/ }).waitFor();
    await page.getByRole('img', { name: /QR code of the RTSP address for .*ATAK/ }).scrollIntoViewIfNeeded();
    await shot(page, 'desk-player-qr');
    await accessible(page, 'player with a QR code');
  });

  await check('publishing: preview, live with figures, stop', async () => {
    await page.goto(`${mock.url}/publish?name=field/one`);
    expect((await page.getByLabel('Name of the stream').inputValue()) === 'field/one', 'the link names the stream');
    await page.getByLabel('Name of the stream').fill('bad name/');
    await page.getByText('Only letters, digits').waitFor();
    await page.getByLabel('Name of the stream').fill('field/one');
    await page.getByRole('button', { name: 'Start publishing' }).click();
    await page.getByText('You are live').waitFor();
    await page.getByText('The uplink').or(page.getByText('Your uplink')).first().waitFor();
    await page.waitForTimeout(2500);
    await shot(page, 'desk-publish-live');
    await accessible(page, 'publishing');
    expect((await sfu.received()) > 10, 'the far end decodes frames');
    await page.getByRole('button', { name: 'Stop publishing' }).click();
    await page.getByText('Not publishing').waitFor();
  });

  await check('publishing: comes back when the server was away', async () => {
    await page.getByRole('button', { name: 'Start publishing' }).click();
    await page.getByText('You are live').waitFor();
    mock.state.refuseLive = true;
    mock.cut();
    await sfu.endAll();
    await page.getByText('Interrupted').waitFor({ timeout: 12_000 });
    await page.getByText('You are live').waitFor({ timeout: 15_000 });
    mock.state.refuseLive = false;
    await page.getByRole('banner').getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });
  });

  await check('publishing: stays ended when the server, still there, ended it', async () => {
    await sfu.endAll();
    await page.getByRole('alert').getByText('was ended on the server').waitFor({ timeout: 12_000 });
    await page.getByText('Not publishing').waitFor();
  });

  await check('the palette goes to a stream by keys alone', async () => {
    await page.goto(`${mock.url}/video`);
    await page.locator('.tile').first().waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('hans');
    await page.getByRole('option').first().waitFor();
    await page.waitForTimeout(200);
    await shot(page, 'desk-palette');
    await accessible(page, 'palette');
    await page.getByRole('combobox').fill('gate-w');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/video/gate-west');
  });

  await check('the live channel: lost in words, back by itself', async () => {
    mock.state.refuseLive = true;
    mock.cut();
    await page.getByText(/Reconnecting \d+ s/).waitFor();
    await shot(page, 'desk-reconnecting');
    mock.state.refuseLive = false;
    await page.getByRole('banner').getByText('Live', { exact: true }).waitFor({ timeout: 10_000 });
  });

  await check('people: add, rights, edit, remove', async () => {
    await page.goto(`${mock.url}/admin/people`);
    await page.getByRole('button', { name: 'Add person' }).click();
    await page.getByLabel('Login name').fill('new.pilot');
    await shot(page, 'desk-people-add');
    await accessible(page, 'add person');
    await page.getByRole('dialog').getByRole('button', { name: 'Add person' }).click();
    await page.getByText('new.pilot can log in now').waitFor();
    const row = page.getByRole('row', { name: /new\.pilot/ });
    const cell = row.getByRole('group', { name: 'Rights of new.pilot in recon' });
    await cell.getByRole('button', { name: 'OUT' }).click();
    await page.waitForTimeout(600);
    const made = mock.state.users.find((u) => u.name === 'new.pilot');
    expect(JSON.stringify(made.groups) === '[{"group":"recon","in":false,"out":true}]', JSON.stringify(made.groups));
    await row.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Full name').fill('A new pilot');
    await shot(page, 'desk-people-edit');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('A new pilot').waitFor();
    await row.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('new.pilot is removed').waitFor();
  });

  await check('tokens: made once, shown once; certificates: issued, downloaded', async () => {
    await page.goto(`${mock.url}/admin/tokens`);
    await page.getByRole('button', { name: 'New token or key' }).click();
    await shot(page, 'desk-token-add');
    await accessible(page, 'new token');
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('drone 2');
    await page.getByLabel('Streams', { exact: false }).last().fill('uas/north/*');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('This is shown once').waitFor();
    await page.waitForTimeout(200);
    await shot(page, 'desk-token-made');
    await accessible(page, 'token made');
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.goto(`${mock.url}/admin/certificates`);
    await page.getByRole('button', { name: 'Issue certificate' }).click();
    await page.getByRole('textbox', { name: 'Device', exact: true }).fill('tablet 9');
    await page.getByRole('dialog').getByRole('button', { name: 'Issue certificate' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Certificate and key' }).click()]);
    expect(download.suggestedFilename() === 'admin-tablet-9.p12', download.suggestedFilename());
    await shot(page, 'desk-certificate-made');
  });

  await check('sessions and streams are ended after a question', async () => {
    await page.goto(`${mock.url}/admin/sessions`);
    await page.getByRole('row', { name: /pilot\.okafor/ }).getByRole('button', { name: 'End' }).click();
    await shot(page, 'desk-session-end');
    await page.getByRole('dialog').getByRole('button', { name: 'End' }).click();
    await page.getByText('The session of pilot.okafor was ended').waitFor();
    await page.goto(`${mock.url}/admin/streams`);
    await page.getByRole('row', { name: /range\/tower/ }).getByRole('button', { name: 'End' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End stream' }).click();
    await page.getByText('range/tower was ended').waitFor();
  });

  await check('a stream is recorded from its page; recordings play, download and are deleted after a question', async () => {
    await page.goto(`${mock.url}/video/uas/north/eo`);
    await page.getByRole('button', { name: 'Record', exact: true }).click();
    await page.getByText('in progress').waitFor();
    await page.getByRole('button', { name: 'Stop recording' }).click();
    await page.getByRole('button', { name: 'Record', exact: true }).waitFor();
    await page.getByRole('link', { name: 'Recordings uas/north/eo' }).click();
    await page.getByRole('heading', { name: 'Recordings of uas/north/eo' }).waitFor();
    expect((await page.getByRole('row').count()) === 2, 'the recordings of one stream, under the head');
    await page.getByRole('link', { name: 'Recordings of all streams' }).click();
    const row = page.getByRole('row', { name: /medevac\/helmet-2/ });
    await row.getByRole('button', { name: 'Play' }).click();
    await page.waitForFunction(() => document.querySelector('dialog video')?.readyState > 0);
    await shot(page, 'desk-recording-plays');
    await page.keyboard.press('Escape');
    const [download] = await Promise.all([page.waitForEvent('download'), row.getByRole('link', { name: 'Download' }).click()]);
    expect(/^medevac-helmet-2-.*\.mp4$|^r3\.mp4$/.test(download.suggestedFilename()), download.suggestedFilename());
    expect((await page.getByRole('row', { name: /in progress/ }).getByRole('button', { name: 'Delete' }).count()) === 0, 'what is being written cannot be deleted');
    await row.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('The recording is deleted').waitFor();
    await row.waitFor({ state: 'detached' });
  });

  await check('the user menu: theme is kept, log out leads to the door', async () => {
    await page.getByRole('button', { name: /account and appearance/ }).click();
    await page.waitForTimeout(200);
    await shot(page, 'desk-menu');
    await accessible(page, 'user menu');
    await page.getByRole('button', { name: 'Light', exact: true }).click();
    expect((await page.evaluate(() => document.documentElement.dataset.theme)) === 'light', 'light now');
    await page.reload();
    expect((await page.evaluate(() => document.documentElement.dataset.theme)) === 'light', 'light after a reload');
    await page.getByRole('button', { name: /account and appearance/ }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL('**/login');
  });

  await check('one who may only watch sees no admin and no publishing', async () => {
    await login(page, mock.url, 'visitor', '/video');
    expect((await page.getByRole('link', { name: 'Admin' }).count()) === 0, 'no Admin');
    expect((await page.getByRole('link', { name: 'Publish' }).count()) === 0, 'no Publish');
    await page.goto(`${mock.url}/admin/people`);
    await page.getByText('There is nothing here').waitFor();
  });

  await check('no script errors, nothing against the policy', () => expect(complaints.length === 0, [...new Set(complaints)].join('\n')));
  await context.close();
}
