// Lets node-tak and node-cot loose on a server: enrolment, stream, groups, files,
// packages, missions, video and the administration that CloudTAK uses. Every
// answer is held against the schema that node-tak itself declares for it.
//
// Environment: HOST, STREAM, HTTPS, ENROL (ports), ALPHA, BRAVO, ADMIN ("name:password").
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FormatRegistry } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import CoT, { CoTParser } from '@tak-ps/node-cot';
import TAK, { TAKAPI, APIAuthCertificate, APIAuthPassword } from '@tak-ps/node-tak';
import * as certificates from '@tak-ps/node-tak/lib/api/certificate';
import * as clients from '@tak-ps/node-tak/lib/api/client';
import * as contacts from '@tak-ps/node-tak/lib/api/contacts';
import * as files from '@tak-ps/node-tak/lib/api/files';
import * as groups from '@tak-ps/node-tak/lib/api/groups';
import * as iconsets from '@tak-ps/node-tak/lib/api/iconsets';
import * as injectors from '@tak-ps/node-tak/lib/api/injectors';
import * as missions from '@tak-ps/node-tak/lib/api/mission';
import * as invites from '@tak-ps/node-tak/lib/api/mission-invite';
import * as layers from '@tak-ps/node-tak/lib/api/mission-layer';
import * as logs from '@tak-ps/node-tak/lib/api/mission-log';
import * as packages from '@tak-ps/node-tak/lib/api/package';
import * as repeaters from '@tak-ps/node-tak/lib/api/repeater';
import * as security from '@tak-ps/node-tak/lib/api/security';
import * as subscriptions from '@tak-ps/node-tak/lib/api/subscriptions';
import * as videos from '@tak-ps/node-tak/lib/api/video';

const { HOST = '127.0.0.1', STREAM, HTTPS, ENROL } = process.env;
const who = (name) => {
  const [user, password] = process.env[name].split(':');
  return { user, password };
};

FormatRegistry.Set('date-time', (v) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(v));

/** Holds a value against a schema of node-tak. */
function holds(schema, value, what) {
  const check = TypeCompiler.Compile(schema);
  const first = check.Errors(value).First();
  assert.ok(!first, `${what}: ${JSON.stringify(first)}`);
  return value;
}

/** Calls f until it returns something true. */
async function until(what, f, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const v = await f();
    if (v) return v;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(50);
  }
}

async function text(stream) {
  const parts = [];
  for await (const chunk of stream) parts.push(chunk);
  return Buffer.concat(parts);
}

let step = 0;
function done(what) {
  step += 1;
  console.log(`ok ${step} ${what}`);
}

/** Logs in with a password, enrols, and returns the certificate. */
async function enrol({ user, password }) {
  const api = await TAKAPI.init(new URL(`https://${HOST}:${ENROL}`), new APIAuthPassword(user, password));
  const { cert, key, ca } = await api.Credentials.generate();
  assert.ok(ca.length >= 1, 'the chain came along');
  return { cert, key };
}

/** A device on the stream, which keeps what it receives. */
async function device(pair, uid, callsign, team = 'Cyan') {
  const tak = await TAK.connect(new URL(`ssl://${HOST}:${STREAM}`), { ...pair, rejectUnauthorized: false });
  const got = [];
  tak.on('cot', (cot) => got.push(cot));
  tak.on('error', (err) => console.error(callsign, err));
  await until(`${callsign} to be answered`, () => tak.open);
  const report = (lat, lon) =>
    tak.write([
      new CoT({
        event: {
          _attributes: { version: '2.0', uid, type: 'a-f-G-U-C', how: 'm-g', ...times(300) },
          point: { _attributes: { lat, lon, hae: 10, ce: 5, le: 5 } },
          detail: {
            contact: { _attributes: { callsign, endpoint: '*:-1:stcp' } },
            __group: { _attributes: { name: team, role: 'Team Member' } },
            takv: { _attributes: { device: 'test', platform: 'node-tak', os: 'linux', version: '1.0' } },
            status: { _attributes: { battery: '77' } },
            track: { _attributes: { speed: '1.5', course: '90.0' } },
          },
        },
      }),
    ]);
  await report(52.5, 13.4);
  return { tak, got, uid, callsign, report };
}

function times(seconds) {
  const now = new Date();
  return { time: now.toISOString(), start: now.toISOString(), stale: new Date(now.getTime() + seconds * 1000).toISOString() };
}

const attributes = (cot) => cot.raw.event._attributes;

// ---- enrolment and stream
const alphaPair = await enrol(who('ALPHA'));
const bravoPair = await enrol(who('BRAVO'));
const adminPair = await enrol(who('ADMIN'));
done('enrolment by password, token and certificate request');

const alpha = await device(alphaPair, 'NODE-ALPHA', 'ALPHA 1');
const bravo = await device(bravoPair, 'NODE-BRAVO', 'BRAVO 1');
await until('alpha to see bravo', () => alpha.got.some((c) => attributes(c).uid === 'NODE-BRAVO'));
await until('bravo to see alpha', () => bravo.got.some((c) => attributes(c).uid === 'NODE-ALPHA'));
assert.ok(alpha.tak.version, 'the offer told the version of the server');
done('two devices see each other, the later one through the latest position');

const api = (pair) => TAKAPI.init(new URL(`https://${HOST}:${HTTPS}`), new APIAuthCertificate(pair.cert, pair.key));
const a = await api(alphaPair);
const b = await api(bravoPair);
const admin = await api(adminPair);
// By password: node-tak forgets the method of some calls, which only its fetch for
// certificates minds.
const web = await TAKAPI.init(new URL(`https://${HOST}:${ENROL}`), new APIAuthPassword(who('ADMIN').user, who('ADMIN').password));

const marker = new CoT({
  event: {
    _attributes: { version: '2.0', uid: 'MARK-1', type: 'a-h-G', how: 'h-e', ...times(600) },
    point: { _attributes: { lat: 52.51, lon: 13.41, hae: 9999999.0, ce: 9999999.0, le: 9999999.0 } },
    detail: { contact: { _attributes: { callsign: 'Sperre 4' } }, remarks: { _text: 'Straße <gesperrt> & "zu"' } },
  },
});
await alpha.tak.write([marker]);
const seen = await until('bravo to see the marker', () => bravo.got.find((c) => attributes(c).uid === 'MARK-1'));
const feature = await CoTParser.to_geojson(seen);
assert.equal(feature.properties.callsign, 'Sperre 4');
assert.equal(feature.properties.remarks, 'Straße <gesperrt> & "zu"');
done('a marker arrives as it was sent');

const chat = {
  event: {
    _attributes: { version: '2.0', uid: `GeoChat.NODE-ALPHA.NODE-BRAVO.${randomUUID()}`, type: 'b-t-f', how: 'h-g-i-g-o', ...times(86400) },
    point: { _attributes: { lat: 0, lon: 0, hae: 0, ce: 9999999, le: 9999999 } },
    detail: {
      __chat: {
        _attributes: { parent: 'RootContactGroup', groupOwner: 'false', messageId: randomUUID(), chatroom: 'BRAVO 1', id: 'NODE-BRAVO', senderCallsign: 'ALPHA 1' },
        chatgrp: { _attributes: { uid0: 'NODE-ALPHA', uid1: 'NODE-BRAVO', id: 'NODE-BRAVO' } },
      },
      link: { _attributes: { uid: 'NODE-ALPHA', type: 'a-f-G-U-C', relation: 'p-p' } },
      remarks: { _attributes: { source: 'BAO.F.ATAK.NODE-ALPHA', to: 'NODE-BRAVO', time: new Date().toISOString() }, _text: 'hello' },
      marti: { dest: [{ _attributes: { uid: 'NODE-BRAVO' } }] },
    },
  },
};
await alpha.tak.write([new CoT(chat)]);
const said = await until('bravo to read the chat', () => bravo.got.find((c) => attributes(c).type === 'b-t-f'));
assert.equal(said.raw.event.detail.marti, undefined, 'the list of recipients does not travel along');
assert.ok(!alpha.got.some((c) => attributes(c).type === 'b-t-f'), 'the sender does not hear itself');
done('directed chat');

// ---- what CloudTAK reads after it has connected
holds({ ...clients.ClientEndpointList }, await a.Client.list(), 'clientEndPoints');
const people = await a.Contacts.list();
for (const c of people) holds(contacts.Contact, c, 'contacts/all');
assert.ok(people.some((c) => c.uid === 'NODE-BRAVO'));
const channels = holds(groups.TAKList_Group, await a.Group.list({ useCache: true }), 'groups/all');
assert.ok(channels.data.length >= 2, 'IN and OUT of a group');
await a.Group.update(channels.data.map((g) => ({ ...g, active: false })));
const off = await a.Group.list({ useCache: true });
assert.ok(off.data.every((g) => !g.active));
await a.Group.update(channels.data);
done('contacts, clients and channels');

const connected = holds(subscriptions.TAKList_Subscription, await admin.Subscription.list({ sortBy: 'CALLSIGN', direction: 'ASCENDING', page: -1, limit: -1 }), 'subscriptions/all');
assert.ok(connected.data.some((s) => s.clientUid === 'NODE-ALPHA' && s.battery === '77'));
await assert.rejects(a.Subscription.list({ sortBy: 'CALLSIGN', direction: 'ASCENDING', page: -1, limit: -1 }), 'for administrators only');
holds(security.SecurityConfig, await admin.Security.securityConfig(), 'security/config');
holds(security.AuthConfig, await admin.Security.authConfig(), 'authentication/config');
holds(security.IsSecure, await admin.Security.isSecure(), 'isSecure');
holds(security.IsValid, await admin.Security.verifyConfig(), 'verifyConfig');
holds(certificates.TAKList_Certificate, await web.Certificate.list(), 'certadmin/cert');
holds(certificates.TAKList_Certificate, await web.Certificate.listRevoked(), 'certadmin/cert/revoked');
holds(iconsets.TAKList_Iconsets, await a.Iconsets.list(), 'iconset/all/uid');
holds(repeaters.TAKList_Repeater, await admin.Repeater.list(), 'repeater/list');
const period = await admin.Repeater.period();
assert.ok((period.data ?? period) > 0, "the pause between repetitions");
await admin.Injectors.create({ uid: 'MARK-2', toInject: '<note text="by order"/>' });
holds(injectors.TAKList_Injector, await admin.Injectors.list(), 'injectors');
const second = structuredClone(marker.raw);
second.event._attributes.uid = 'MARK-2';
await alpha.tak.write([new CoT(second)]);
const injected = await until('the injected marker', () => bravo.got.find((c) => attributes(c).uid === 'MARK-2'));
assert.equal(injected.raw.event.detail.note._attributes.text, 'by order');
await admin.Injectors.delete({ uid: 'MARK-2', toInject: '<note text="by order"/>' });
done('administration: subscriptions, security, certificates, icon sets, repeater, injectors');

// ---- history
await until('history of the marker', async () => (await a.Query.single('MARK-1').catch(() => '')).includes('<event'));
assert.ok((await a.Query.history('MARK-1')).includes('<event'));
assert.equal((await a.Query.singleFeat('MARK-1')).properties.callsign, 'Sperre 4');
const kml = await text(await a.Export.export({ startTime: new Date(Date.now() - 3600e3).toISOString(), endTime: new Date(Date.now() + 60e3).toISOString(), groups: [], format: 'kml' }));
assert.ok(String(kml).includes('<kml'), 'KML');
done('history and KML');

// ---- files and packages
const bytes = Buffer.from('a picture of sorts');
const content = await a.Files.upload({ name: 'bild.jpg', contentLength: bytes.length, contentType: 'image/jpeg', keywords: ['foto'], creatorUid: 'NODE-ALPHA' }, bytes);
holds(files.Content, content, 'sync/upload');
assert.equal(content.Hash, createHash('sha256').update(bytes).digest('hex'));
holds(files.TAKList_Content, await b.Files.list(), 'api/sync/search');
assert.deepEqual(await text(await b.Files.download(content.Hash)), bytes);
assert.ok((await b.Files.meta(content.Hash)).includes('bild.jpg'));
holds(files.Config, await a.Files.config(), 'files/api/config');
await a.Files.count();
const zip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex');
const zipHash = createHash('sha256').update(zip).digest('hex');
const where = await a.Files.uploadPackage({ name: 'obs-3.zip', creatorUid: 'NODE-ALPHA', hash: zipHash }, zip);
assert.ok(where.includes(`/Marti/sync/content?hash=${zipHash}`), where);
const found = await b.Package.list({ tool: 'public' });
for (const p of found.results) holds(packages.Package, p, 'sync/search');
assert.ok(found.results.some((p) => p.Hash === zipHash));
await a.Files.delete(zipHash);
assert.ok(!(await b.Package.list({ tool: 'public' })).results.some((p) => p.Hash === zipHash));
done('files and data packages');

// ---- missions
const name = `Flut Öst ${Date.now() % 100000}`;
const made = holds(missions.Mission, await a.Mission.create({ name, creatorUid: 'NODE-ALPHA', description: 'water', group: [channels.data[0].name] }), 'mission create');
assert.ok(made.token, 'the creator gets a token');
await until('the announcement', () => bravo.got.some((c) => attributes(c).type === 't-x-m-n'));
holds(missions.TAKList_Mission, await b.Mission.list({ passwordProtected: true, defaultRole: true }), 'missions');
const own = { token: made.token };
const sub = holds(missions.TAKItem_MissionSubscriber, await b.Mission.subscribe(name, { uid: 'NODE-BRAVO' }), 'subscribe').data;
holds(missions.MissionSubscriber, await b.Mission.subscription(name, { uid: 'NODE-BRAVO' }, { token: sub.token }), 'subscription');
holds(missions.MissionRole, await b.Mission.role(made.guid, { token: sub.token }), 'role');
bravo.got.length = 0;
await a.Mission.attachContents(name, { uids: ['MARK-1'], hashes: [content.Hash] }, own);
const change = await until('the change on the stream', () => bravo.got.find((c) => attributes(c).type === 't-x-m-c'));
assert.equal(change.raw.event.detail.mission._attributes.name, name);
const whole = holds(missions.Mission, await b.Mission.get(name, { changes: true, logs: true }, { token: sub.token }), 'mission get');
assert.equal(whole.uids.length, 1);
assert.equal(whole.contents.length, 1);
assert.equal(whole.uids[0].details.callsign, 'Sperre 4');
holds(missions.TAKList_MissionChange, await b.Mission.changes(name, {}, { token: sub.token }), 'changes');
assert.ok((await b.Mission.latestFeats(name, { token: sub.token })).some((f) => f.id === 'MARK-1'));
assert.ok((await b.Mission.subscriptions(name, { token: sub.token })).data.includes('NODE-BRAVO'));
holds(missions.TAKList_MissionSubscriber, await b.Mission.subscriptionRoles(name, { token: sub.token }), 'subscription roles');
await b.Mission.contacts(name, { token: sub.token });
done('a mission: create, subscribe, contents, changes, roles');

bravo.got.length = 0;
const into = structuredClone(marker.raw);
into.event._attributes.uid = 'MARK-3';
into.event.detail.marti = { dest: [{ _attributes: { mission: name } }] };
await alpha.tak.write([new CoT(into)]);
await until('the event to the mission', () => bravo.got.some((c) => attributes(c).uid === 'MARK-3'));
await until('its content', async () => (await b.Mission.get(name, {}, { token: sub.token })).uids.length === 2);
await a.Mission.detachContents(name, { uid: 'MARK-3' }, own);
assert.equal((await b.Mission.get(name, {}, { token: sub.token })).uids.length, 1);
done('an event into a mission over the stream');

const entry = holds(logs.TAKItem_MissionLog, await a.MissionLog.create(name, { dtg: new Date().toISOString(), content: 'dyke holds', creatorUid: 'NODE-ALPHA', keywords: ['dyke'] }, own), 'log create').data;
await a.MissionLog.update(name, { id: entry.id, dtg: entry.dtg, content: 'dyke holds still', creatorUid: 'NODE-ALPHA', keywords: [] }, own);
assert.equal((await b.Mission.get(name, { logs: true }, { token: sub.token })).logs[0].content, 'dyke holds still');
await a.MissionLog.delete(entry.id, own);
const layer = await a.MissionLayer.create(name, { name: 'Dykes', type: 'UID', creatorUid: 'NODE-ALPHA' }, own);
holds(layers.TAKItem_MissionLayer, layer, 'layer create');
holds(layers.TAKList_MissionLayer, await a.MissionLayer.list(name, own), 'layers');
await a.MissionLayer.rename(name, layer.data.uid, { name: 'Dykes east', creatorUid: 'NODE-ALPHA' }, own);
await a.MissionLayer.delete(name, { uid: [layer.data.uid], creatorUid: 'NODE-ALPHA' }, own);
done('logs and layers');

bravo.got.length = 0;
await a.MissionInvite.invite(name, 'clientUid', 'NODE-BRAVO', { creatorUid: 'NODE-ALPHA', role: 'MISSION_READONLY_SUBSCRIBER' }, own);
await until('the invitation', () => bravo.got.some((c) => attributes(c).type === 't-x-m-i'));
holds(invites.MissionInviteList, await b.MissionInvite.list('NODE-BRAVO'), 'invitations');
await a.MissionInvite.uninvite(name, 'clientUid', 'NODE-BRAVO', { creatorUid: 'NODE-ALPHA' }, own);
await a.Mission.setRole(name, { clientUid: 'NODE-BRAVO', username: who('BRAVO').user, role: 'MISSION_READONLY_SUBSCRIBER' }, own);
await assert.rejects(b.Mission.attachContents(name, { uids: ['MARK-2'] }, { token: sub.token }), 'a reader may not write');
assert.ok((await text((await a.Mission.getArchive(name, own)))).subarray(0, 2).equals(Buffer.from('PK')), 'the archive is a zip');
await b.Mission.unsubscribe(name, { uid: 'NODE-BRAVO', disconnectOnly: false }, { token: sub.token });
bravo.got.length = 0;
await a.Mission.delete(name, { creatorUid: 'NODE-ALPHA' }, own);
await until('the end of the mission', () => bravo.got.some((c) => attributes(c).type === 't-x-m-d'));
await assert.rejects(a.Mission.get(name, {}, own), 'a deleted mission is gone');
done('invitations, roles, archive and the end of a mission');

// With keywords node-tak makes two requests, and forgets the token of the first.
const keyed = await a.Mission.create({ name: `${name} II`, creatorUid: 'NODE-ALPHA', keywords: ['flood'] });
assert.deepEqual(keyed.keywords, ['flood']);
done('a mission with keywords');

// ---- video
const uuid = randomUUID();
const lease = await a.Video.create({ uuid, alias: 'Drohne 1', active: true, feeds: [{ alias: 'Drohne 1', active: true, url: 'rtsp://cam.example.net:8554/drohne1' }] });
holds(videos.VideoConnection, lease, 'video create');
assert.equal(lease.uuid, uuid);
holds(videos.VideoConnectionList, await b.Video.list(), 'video list');
await a.Video.update({ uuid, alias: 'Drohne 1b', active: true, feeds: lease.feeds });
assert.equal((await b.Video.get(uuid)).alias, 'Drohne 1b');
await a.Video.delete(uuid);
await assert.rejects(b.Video.get(uuid));
done('video connections');

// ---- profile: nothing to install is 204, which node-tak hands on as an empty answer
await a.Profile.connection({ syncSecago: -1, clientUid: 'NODE-ALPHA' });
done('profile');

// ---- leaving
alpha.got.length = 0;
bravo.tak.destroy();
const left = await until('alpha to hear that bravo has left', () => alpha.got.find((c) => attributes(c).type === 't-x-d-d'), 20);
assert.equal(left.raw.event.detail.link._attributes.uid, 'NODE-BRAVO');
done('the others are told of a device that leaves');

alpha.tak.destroy();
console.log(`${step} passed, 0 failed`);
process.exit(0);
