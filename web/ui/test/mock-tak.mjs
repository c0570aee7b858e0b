/** The routes of the mock for the situation, chat, packages, missions, devices and what belongs to them. */
import { randomUUID } from 'node:crypto';
import { archive, tile } from './mock-tiles.mjs';

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const ahead = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
const web = 'WEB-4f2a90';

export const ownUid = web;

const conference = (name, title, more = {}) => ({
  ...{ name, title, groups: ['recon'], owner: 'admin', hosts: [], host: true, number: '', permanent: true, lobby: false, locked: false },
  ...{ capacity: 0, entry: 'speaker', floor: 0, replay: 0, stream: `rooms/${name}`, present: [], ...more },
});

/** Conference rooms, one of them with people in. */
const conferences = [
  conference('lage', 'Lage am Morgen', {
    ...{ number: '100', pin: '4711', lobby: true },
    present: [
      { id: 'p1', name: 'maj.keller', kind: 'browser', role: 'host' },
      { id: 'p2', name: 'FALKE 2', kind: 'sip', role: 'speaker' },
      { id: 'p3', name: 'uas/north/eo', kind: 'stream', role: 'speaker' },
    ],
  }),
  conference('nacht', 'Nachtschicht', { host: false, locked: true }),
];

/** What the mock holds of all this when it starts. */
export function takData() {
  let n = 0;
  const m = (room, roomName, kind, senderUid, senderCallsign, senderUser, text, seconds, more = {}) => ({
    ...{ id: `m${++n}`, room, roomName, kind, senderUid, senderCallsign, senderUser, text, time: ago(seconds), state: 'sent', mine: false },
    ...more,
  });
  const mine = (room, roomName, kind, text, seconds, state, more = {}) => m(room, roomName, kind, web, 'admin', 'admin', text, seconds, { mine: true, state, ...more });
  const all = ['All Chat Rooms', 'All Chat Rooms', 'all'];
  const falke = ['direct:ANDROID-5f3c9a1b7d2e', 'FALKE 2', 'direct'];
  const sani = ['direct:IOS-7be01f22aa90', 'SANI 3', 'direct'];
  const recon = ['group:recon', 'recon', 'group'];
  const messages = [
    ...Array.from({ length: 70 }, (_, i) => m(...all, 'ANDROID-77bb11cc22dd', 'KONVOI 1', 'sgt.brandt', `Meldung ${i + 1}: alles in Ordnung.`, 90_000 - i * 60)),
    m(...all, 'ANDROID-90ab12cd34ef', 'ADLER 1', 'maj.keller', 'Lage um 14:00 im Gefechtsstand. Bitte bis dahin Stand melden.', 5200),
    m(...all, 'ANDROID-77bb11cc22dd', 'KONVOI 1', 'sgt.brandt', 'Konvoi fährt ab, Ankunft in etwa 40 Minuten.', 4100),
    mine(...all, 'Danke. Route Grün ist frei, Brücke bleibt gesperrt.', 4000, 'delivered'),
    m(...recon, 'ANDROID-c40b77aa1290', 'LUCHS 4', 'cpl.moreau', 'Kontakt am Waldrand, etwa zehn Personen. Wir beobachten weiter.', 900, { lat: 47.2777, lon: 11.4192 }),
    m(...recon, 'ANDROID-12aa40f0c3d1', 'LUCHS 5', 'pvt.novak', 'Bestätigt. Ein Kettenfahrzeug dahinter.', 820),
    mine(...recon, 'UAS NORD kommt zu euch, fünf Minuten.', 760, 'read'),
    m(...recon, 'ANDROID-5f3c9a1b7d2e', 'FALKE 2', 'pilot.hansen', 'Bild steht.', 300),
    m(...falke, 'ANDROID-5f3c9a1b7d2e', 'FALKE 2', 'pilot.hansen', 'Akku der Drohne reicht noch für 20 Minuten.', 1900),
    mine(...falke, 'Dann bitte den Wechsel vorbereiten.', 1850, 'read'),
    m(...falke, 'ANDROID-5f3c9a1b7d2e', 'FALKE 2', 'pilot.hansen', 'Verstanden. Der neue Plan liegt bei.', 1700, { hash: 'b'.repeat(64), fileName: 'Flugplan Nord.zip' }),
    mine(...falke, 'Landeplatz hier:', 1650, 'delivered', { lat: 47.2607, lon: 11.3832 }),
    mine(...sani, 'Wie geht es dem Verletzten?', 240, 'delivered'),
    m(...sani, 'IOS-7be01f22aa90', 'SANI 3', 'sgt.lindqvist', 'Stabil. Wir brauchen ein Fahrzeug.', 120),
    mine('direct:ANDROID-e1e2e3e4e5e6', 'BERG 7', 'direct', 'Bitte melden, letzte Position ist 20 Minuten alt.', 600, 'pending'),
    m('mission:Hochwasser Ost', 'Hochwasser Ost', 'mission', 'ANDROID-77bb11cc22dd', 'KONVOI 1', 'sgt.brandt', 'Pegel am Tor Ost steigt.', 3000),
  ];
  const rooms = [
    ...[['All Chat Rooms', 'All Chat Rooms', 'all'], ['Cyan', 'Cyan', 'team'], ['Red', 'Red', 'team'], ['Orange', 'Orange', 'team'], ['group:command', 'command', 'group']],
    ...[recon, ['group:base', 'base', 'group'], falke, sani, ['direct:ANDROID-e1e2e3e4e5e6', 'BERG 7', 'direct'], ['mission:Hochwasser Ost', 'Hochwasser Ost', 'mission']],
  ].map(([id, name, kind]) => ({ id, name, kind, unread: id === recon[0] ? 1 : id === sani[0] ? 1 : 0 }));

  const f = (c, name, size, submitter, groups, more = {}) => ({
    ...{ hash: c.repeat(64), name, filename: name, size, mime: 'application/zip', submitter, creatorUid: web, created: ago(200_000), keywords: [], groups, tool: 'public', mine: true },
    ...more,
  });
  const packages = [
    f('a', 'Orthofoto Tal 2026.zip', 184_300_000, 'maj.keller', ['command', 'recon', 'base'], { keywords: ['imagery', 'missionpackage'], expires: ahead(43_000) }),
    f('b', 'Flugplan Nord.zip', 348_200, 'pilot.hansen', ['recon'], { created: ago(1700), keywords: ['missionpackage'] }),
    f('c', 'Lagekarte.kmz', 2_100_400, 'admin', ['command'], { created: ago(86_000) }),
    f('d', 'Einstellungen Tablets.zip', 14_800, 'admin', ['command', 'base'], { tool: 'private', expires: ahead(9000) }),
    f('e', 'Helmkamera 14-05.mp4', 61_200_000, 'sgt.lindqvist', ['medical', 'command'], { mime: 'video/mp4', created: ago(5000) }),
  ];

  const mission = (name, description, groups, role, more = {}) => ({
    ...{ guid: randomUUID(), name, description, tool: 'public', groups, creatorUid: 'ANDROID-90ab12cd34ef', createTime: ago(400_000), lastEdited: ago(3000) },
    ...{ passwordProtected: false, inviteOnly: false, role, contents: [], uids: [], logs: [], subscriptions: [], changes: [] },
    ...more,
  });
  const sub = (clientUid, callsign, username, role, connected) => ({ clientUid, callsign, username, role, connected });
  const missions = [
    mission('Hochwasser Ost', 'Sperren, Pegel und Evakuierung entlang des östlichen Ufers.', ['command', 'base'], 'MISSION_OWNER', {
      guid: '0f3a6c1e-7f2b-4b0a-9f51-2a1d5e8c7b10',
      contents: packages.filter((p) => 'ac'.includes(p.hash[0])).map(({ hash, name, size, mime }) => ({ hash, name, size, mime, creatorUid: 'ANDROID-90ab12cd34ef', time: ago(90_000) })),
      uids: [
        { uid: 'M-1', type: 'b-m-p-s-m', callsign: 'Brücke gesperrt', lat: 47.26, lon: 11.4, creatorUid: web, time: ago(50_000) },
        { uid: 'D-2', type: 'u-d-c-c', callsign: 'Sammelraum', lat: 47.257, lon: 11.39, creatorUid: 'ANDROID-90ab12cd34ef', time: ago(40_000) },
        { uid: 'N-1', type: 'a-n-G-I-b', callsign: 'Krankenhaus', lat: 47.258, lon: 11.391, creatorUid: 'IOS-7be01f22aa90', time: ago(30_000) },
      ],
      logs: [
        { id: 'l2', content: 'Pegel am Tor Ost 4,20 m, steigend.', creatorUid: 'ANDROID-77bb11cc22dd', time: ago(3000) },
        { id: 'l1', content: 'Einsatz begonnen, Leitung ADLER 1.', creatorUid: 'ANDROID-90ab12cd34ef', time: ago(90_000) },
      ],
      subscriptions: [
        sub('ANDROID-90ab12cd34ef', 'ADLER 1', 'maj.keller', 'MISSION_OWNER', true),
        sub('ANDROID-77bb11cc22dd', 'KONVOI 1', 'sgt.brandt', 'MISSION_SUBSCRIBER', true),
        sub('ANDROID-d0d1d2d3d4d5', 'TAL 2', 'lt.weber', 'MISSION_READONLY_SUBSCRIBER', false),
      ],
      changes: [
        { type: 'ADD_CONTENT', time: ago(3000), creatorUid: 'ANDROID-77bb11cc22dd', name: 'Brücke gesperrt' },
        { type: 'ADD_CONTENT', time: ago(90_000), creatorUid: 'ANDROID-90ab12cd34ef', name: 'Orthofoto Tal 2026.zip' },
        { type: 'CREATE_MISSION', time: ago(400_000), creatorUid: 'ANDROID-90ab12cd34ef' },
      ],
    }),
    mission('Übung Adler', 'Gemeinsame Übung, drei Tage.', ['recon', 'command'], 'MISSION_SUBSCRIBER', { inviteOnly: true }),
    mission('Sanität', '', ['medical'], '', { passwordProtected: true }),
  ];

  const pref = (key, type, value) => ({ name: 'com.atakmap.app_preferences', key, type, value });
  const profiles = [
    { id: 1, name: 'Tablets der Aufklärung', active: true, applyOnEnrollment: true, applyOnConnect: false, tool: '', groups: ['recon'], files: [{ id: 9, name: 'Orthofoto.zip', size: 184_300_000 }], preferences: [pref('locationTeam', 'string', 'Cyan'), pref('rab_north_ref_pref', 'string', '1')], updated: ago(700_000) },
    { id: 2, name: 'Alle Geräte', active: false, applyOnEnrollment: true, applyOnConnect: true, tool: '', groups: [], files: [], preferences: [pref('coord_display_pref', 'string', 'MGRS')], updated: ago(80_000) },
  ];
  return {
    ...{ messages, rooms, packages, missions, profiles },
    enrolments: [
      { id: 'e1', user: 'cpl.moreau', device: 'tablet 9', created: ago(300), expires: ahead(25), used: null },
      { id: 'e2', user: 'pvt.silva', device: 'phone', created: ago(90_000), expires: ago(88_000), used: ago(89_000) },
    ],
    retention: {
      rules: [['position', 14, 2000], ['marker', 90, 0], ['chat', 365, 0], ['file', 90, 20_000], ['package', 0, 0], ['mission', 0, 0], ['video', 7, 100_000]].map(([kind, days, megabytes]) => ({ kind, days, megabytes })),
      schedule: '03:30',
      last: { time: ago(40_000), removed: [{ kind: 'position', count: 182_440, bytes: 61_000_000 }] },
    },
    totp: false,
    counter: 100,
  };
}

function deviceList(situation) {
  return situation.contactList().filter((c) => c.connected).map((c, i) => ({
    ...c,
    ...{ id: `d-${c.uid}`, protocol: i === 5 ? 'tcp' : i === 8 ? 'quic' : 'tls', remote: `10.20.4.${17 + i}:${40_000 + i * 731}`, subject: `CN=${c.user}` },
    ...{ since: ago(400 + i * 3127), received: 820 + i * 331, incognito: i === 4, metrics: null, inGroups: c.groups.slice(0, 1), outGroups: c.groups },
    queue:
      c.callsign === 'SANI 3'
        ? { events: 412, bytes: 301_200, sent: 88_120, replaced: 9312, dropped: 0, version: 0 }
        : { events: 0, bytes: 0, sent: 120_400 + i * 977, replaced: i * 3, dropped: 0, version: i % 3 === 2 ? 0 : 1 },
  }));
}

/** tools: Problem, find, drop, changed of the mock. Returns routes as the mock has them. */
export function takRoutes({ state, situation, say, Problem, find, drop, changed }) {
  const uidOf = (entry) => entry.name ?? entry.uid;
  const put = (message) => {
    state.tak.messages.push(message);
    say({ kind: 'chat', messages: [message] });
    return message;
  };
  const progress = (message, states, wait = 400) => {
    if (states.length === 0) return;
    setTimeout(() => {
      message.state = states[0];
      say({ kind: 'chat', messages: [message] });
      progress(message, states.slice(1), 900);
    }, wait).unref();
  };
  const missionOf = (guid) => find(state.tak.missions, 'guid', guid, 'mission');
  const touched = (m, type, name) => {
    m.lastEdited = new Date().toISOString();
    m.changes.unshift({ type, time: m.lastEdited, creatorUid: web, name });
    say({ kind: 'mission', name: m.name, guid: m.guid, change: 'CHANGE' });
  };
  const counts = (m) => ({ ...m, contents: m.contents.length, uids: m.uids.length, subscribers: m.subscriptions.length, logs: undefined, subscriptions: undefined, changes: undefined });
  const plan = () => state.tak.retention.rules.map(({ kind, days }) => ({ kind, count: days === 0 ? 0 : days * 1311, bytes: days === 0 ? 0 : days * 4_100_000, oldest: ago((days + 3) * 86_400) }));

  return [
    ['GET /api/v1/contacts', () => ({ contacts: situation.contactList() })],
    ['GET /api/v1/map', () => ({
      layers: [
        { id: 'relief', name: 'Relief', kind: 'raster', url: '/api/v1/map/relief/{z}/{x}/{y}.png', attribution: 'Stand-in relief', minZoom: 5, maxZoom: 15 },
        { id: 'world', name: 'World overview', kind: 'pmtiles', url: '/api/v1/map/world.pmtiles', attribution: '', minZoom: 0, maxZoom: 1 },
      ],
      center: [47.262, 11.394],
      zoom: 13,
    })],
    ['GET /api/v1/map/relief/(\\d+)/(\\d+)/(\\d+)\\.png', ({ match, response }) => void response.writeHead(200, { 'Content-Type': 'image/png', 'Cache-Control': 'max-age=3600' }).end(tile(...match.map(Number))), 'done'],
    ['GET /api/v1/map/world\\.pmtiles', ({ request, response }) => {
      const bytes = (state.tak.archive ??= archive());
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
      const [from, to] = range ? [Number(range[1]), Math.min(bytes.length - 1, Number(range[2]))] : [0, bytes.length - 1];
      response.writeHead(range ? 206 : 200, { 'Content-Type': 'application/octet-stream', 'Content-Range': `bytes ${from}-${to}/${bytes.length}`, ETag: '"w"' }).end(bytes.subarray(from, to + 1));
    }, 'done'],
    ['GET /api/v1/items/([^/]+)/track', ({ name, query }) => ({ points: situation.track(name, Date.parse(query.get('from')), Date.parse(query.get('to'))) })],
    ['GET /api/v1/items/([^/]+)', ({ name }) => {
      const item = situation.item(name);
      if (!item) throw new Problem(404, `There is nothing called ${name} on the map.`);
      return { item, xml: `<event uid="${name}"/>` };
    }],
    ['POST /api/v1/items', ({ body, me }) => ({ uid: situation.add(body, me.user) })],
    ['DELETE /api/v1/items/([^/]+)', ({ name }) => void situation.remove(name)],
    ['GET /api/v1/situation/at', ({ query }) => ({ items: situation.at(Date.parse(query.get('time'))) })],
    ['GET /api/v1/situation/span', () => situation.span()],
    ['GET /api/v1/emergencies', () => ({ emergencies: situation.emergencies })],
    ['DELETE /api/v1/emergencies/([^/]+)', ({ name }) => {
      if (!situation.cancel(name)) throw new Problem(404, 'This emergency is over already.');
    }],

    ['GET /api/v1/rooms', () => ({ rooms: conferences })],
    ['PATCH /api/v1/rooms/([^/]+)', ({ name, body }) => Object.assign(find(conferences, 'name', name, 'room'), body)],
    ['GET /api/v1/rooms/([^/]+)/participants', ({ name }) => ({
      layout: 'grid',
      participants: find(conferences, 'name', name, 'room').present.map((p, i) => ({ ...p, user: p.kind === 'browser' ? p.name : '', waiting: false, muted: i > 0, since: ago(600) })),
    })],
    ['GET /api/v1/rooms/([^/]+)/replay', () => ({
      seconds: 300,
      transmissions: [
        { id: 't1', participant: 'falke', name: 'FALKE 2', user: '', kind: 'mumble', from: ago(200), seconds: 12.2 },
        { id: 't2', participant: 'keller', name: 'maj.keller', user: 'maj.keller', kind: 'browser', from: ago(40), seconds: 4.2 },
      ],
    })],
    ['GET /api/v1/voice/bans', () => ({ bans: [{ id: 'b1', user: 'vhf-noise', certificate: '', name: 'VHF', reason: 'Störung', since: ago(9000), until: ahead(120) }] })],
    ['GET /api/v1/chat/rooms', () => ({ rooms: state.tak.rooms.map((r) => ({ ...r, last: state.tak.messages.filter((m) => m.room === r.id).at(-1) })) })],
    ['GET /api/v1/chat', ({ query }) => {
      const before = Number(query.get('before') ?? Infinity);
      const fit = state.tak.messages.filter((m) => m.room === query.get('room') && Date.parse(m.time) < before);
      return { messages: fit.slice(-50), more: fit.length > 50 };
    }],
    ['POST /api/v1/chat/read', ({ body }) => void (find(state.tak.rooms, 'id', body.room, 'room').unread = 0)],
    ['POST /api/v1/chat', ({ body, me }) => {
      if (!body.text) throw new Problem(422, 'A message has words.');
      if (body.text === 'fail') throw new Problem(503, 'The server could not keep this message.');
      const room = state.tak.rooms.find((r) => r.id === body.room) ?? { id: body.room, name: situation.contacts.get(body.room.slice(7))?.callsign ?? body.room, kind: 'direct', unread: 0 };
      if (!state.tak.rooms.includes(room)) state.tak.rooms.push(room);
      const file = state.tak.packages.find((p) => p.hash === body.hash);
      const away = room.kind === 'direct' && !situation.contacts.get(room.id.slice(7))?.connected;
      const message = put({
        ...{ id: randomUUID(), room: room.id, roomName: room.name, kind: room.kind, senderUid: web, senderCallsign: me.user, senderUser: me.user },
        ...{ text: body.text, lat: body.lat, lon: body.lon, hash: body.hash, fileName: file?.name, time: new Date().toISOString(), state: away ? 'pending' : 'sent', mine: true },
      });
      if (room.kind === 'direct' && !away) progress(message, ['delivered', 'read']);
      return message;
    }],

    ['GET /api/v1/packages', () => ({ packages: state.tak.packages })],
    ['POST /api/v1/packages', ({ query, bytes, me }) => {
      if (bytes.length > 8_000_000) throw new Problem(413, 'The file is larger than the 8 MB that this server accepts.');
      const name = query.get('name');
      const days = Number(query.get('days') ?? 0);
      const file = { hash: randomUUID().replaceAll('-', '').repeat(2), name, filename: name, size: bytes.length, mime: 'application/octet-stream', submitter: me.user, creatorUid: web, created: new Date().toISOString(), keywords: [], groups: query.getAll('group'), tool: query.get('tool'), mine: true, expires: days ? ahead(days * 1440) : undefined };
      state.tak.packages.unshift(file);
      return file;
    }, 201],
    ['GET /api/v1/packages/([^/]+)/content', ({ name, response }) => void response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Disposition': `attachment; filename="${find(state.tak.packages, 'hash', name, 'file').name}"` }).end('content'), 'done'],
    ['POST /api/v1/packages/([^/]+)/send', () => {}],
    ['PATCH /api/v1/packages/([^/]+)', ({ name, body }) => {
      const { days, ...rest } = body;
      Object.assign(find(state.tak.packages, 'hash', name, 'file'), rest, days === undefined ? {} : { expires: days ? ahead(days * 1440) : undefined });
    }],
    ['DELETE /api/v1/packages/([^/]+)', ({ name }) => void drop(state.tak.packages, find(state.tak.packages, 'hash', name, 'file'))],

    ['GET /api/v1/missions', () => ({ missions: state.tak.missions.map(counts) })],
    ['POST /api/v1/missions', ({ body }) => {
      if (state.tak.missions.some((m) => m.name === body.name)) throw new Problem(409, `There is a mission ${body.name} already.`);
      const made = { guid: randomUUID(), tool: 'public', creatorUid: web, createTime: new Date().toISOString(), lastEdited: new Date().toISOString(), contents: [], uids: [], logs: [], subscriptions: [], changes: [{ type: 'CREATE_MISSION', time: new Date().toISOString(), creatorUid: web }], role: 'MISSION_OWNER', passwordProtected: Boolean(body.password), inviteOnly: Boolean(body.inviteOnly), name: body.name, description: body.description, groups: body.groups };
      state.tak.missions.push(made);
      say({ kind: 'mission', name: made.name, guid: made.guid, change: 'CREATE' });
      return counts(made);
    }, 201],
    ['GET /api/v1/missions/([^/]+)', ({ name }) => missionOf(name)],
    ['DELETE /api/v1/missions/([^/]+)', ({ name }) => {
      const m = drop(state.tak.missions, missionOf(name))[0];
      say({ kind: 'mission', name: m.name, guid: m.guid, change: 'DELETE' });
    }],
    ['POST /api/v1/missions/([^/]+)/contents', ({ name, body }) => {
      const m = missionOf(name);
      for (const hash of body.hashes ?? []) {
        const p = find(state.tak.packages, 'hash', hash, 'file');
        m.contents.push({ hash, name: p.name, size: p.size, mime: p.mime, creatorUid: web, time: new Date().toISOString() });
        touched(m, 'ADD_CONTENT', p.name);
      }
      for (const uid of body.uids ?? []) {
        const item = situation.item(uid);
        m.uids.push({ uid, type: item.type, callsign: item.callsign, lat: item.lat, lon: item.lon, creatorUid: web, time: new Date().toISOString() });
        touched(m, 'ADD_CONTENT', item.callsign);
      }
    }],
    ['DELETE /api/v1/missions/([^/]+)/contents', ({ name, query }) => {
      const m = missionOf(name);
      const list = query.has('hash') ? m.contents : m.uids;
      const entry = list.find((e) => e.hash === query.get('hash') || e.uid === query.get('uid'));
      drop(list, entry);
      touched(m, 'REMOVE_CONTENT', uidOf(entry));
    }],
    ['POST /api/v1/missions/([^/]+)/logs', ({ name, body }) => {
      const m = missionOf(name);
      m.logs.unshift({ id: randomUUID(), content: body.content, creatorUid: web, time: new Date().toISOString() });
      say({ kind: 'mission', name: m.name, guid: m.guid, change: 'CHANGE' });
    }],
    ['PUT /api/v1/missions/([^/]+)/roles', ({ name, body }) => void (missionOf(name).subscriptions.find((s) => s.clientUid === body.clientUid).role = body.role)],
    ['POST /api/v1/missions/([^/]+)/invite', () => {}],

    ['GET /api/v1/devices', () => ({ devices: deviceList(situation) })],
    ['DELETE /api/v1/devices/([^/]+)', ({ name }) => {
      situation.connect(name.slice(2), false);
      changed('device.changed', { name });
    }],
    ['GET /api/v1/enrolments', () => ({ enrolments: state.tak.enrolments })],
    ['POST /api/v1/enrolments', ({ body, host }) => {
      const token = randomUUID().replaceAll('-', '');
      const made = { id: randomUUID(), user: body.user, device: body.device ?? '', created: new Date().toISOString(), expires: ahead(body.minutes), used: null };
      state.tak.enrolments.unshift(made);
      return { id: made.id, token, expires: made.expires, atakUrl: `tak://com.atakmap.app/enroll?host=${host}&username=${body.user}&token=${token}`, itakText: `Muster,${host},8089,SSL`, page: `https://${host}/enrol/${token}` };
    }, 201],
    ['DELETE /api/v1/enrolments/([^/]+)', ({ name }) => void drop(state.tak.enrolments, find(state.tak.enrolments, 'id', name, 'code'))],
    ['POST /api/v1/certificates/package', ({ body, response }) => void response.writeHead(200, { 'Content-Type': 'application/zip', 'Content-Disposition': `attachment; filename="muster-${body.user}-${body.form}.zip"` }).end('PK'), 'done'],

    ['GET /api/v1/retention', () => state.tak.retention],
    ['PUT /api/v1/retention', ({ body }) => void Object.assign(state.tak.retention, body)],
    ['POST /api/v1/retention/preview', () => ({ kinds: plan() })],
    ['POST /api/v1/retention/run', () => {
      const kinds = plan();
      state.tak.retention.last = { time: new Date().toISOString(), removed: kinds };
      return { kinds };
    }],
    ['GET /api/v1/profiles', () => ({ profiles: state.tak.profiles })],
    ['POST /api/v1/profiles', ({ body }) => {
      const made = { id: ++state.tak.counter, tool: '', files: [], updated: new Date().toISOString(), ...body };
      state.tak.profiles.push(made);
      return made;
    }, 201],
    ['PATCH /api/v1/profiles/([^/]+)', ({ name, body }) => void Object.assign(find(state.tak.profiles, 'id', Number(name), 'profile'), body, { updated: new Date().toISOString() })],
    ['DELETE /api/v1/profiles/([^/]+)', ({ name }) => void drop(state.tak.profiles, find(state.tak.profiles, 'id', Number(name), 'profile'))],
    ['POST /api/v1/profiles/([^/]+)/files', ({ name, query, bytes }) => {
      const file = { id: ++state.tak.counter, name: query.get('name'), size: bytes.length };
      find(state.tak.profiles, 'id', Number(name), 'profile').files.push(file);
      return file;
    }, 201],
    ['DELETE /api/v1/profiles/([^/]+)/files/([^/]+)', ({ name, second }) => {
      const { files } = find(state.tak.profiles, 'id', Number(name), 'profile');
      drop(files, find(files, 'id', Number(second), 'file'));
    }],

    ['GET /api/v1/account/totp', () => ({ enabled: state.tak.totp })],
    ['POST /api/v1/account/totp', ({ body }) => {
      if (!body.password) throw new Problem(403, 'Your password is needed.');
      return { secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Muster:admin?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Muster' };
    }],
    ['POST /api/v1/account/totp/confirm', ({ body }) => {
      if (body.code !== '123456') throw new Problem(422, 'The code is not right. Is the clock of the phone?');
      state.tak.totp = true;
      return { recovery: Array.from({ length: 8 }, () => `${randomUUID().slice(0, 4)}-${randomUUID().slice(0, 4)}`) };
    }],
    ['DELETE /api/v1/account/totp', ({ body }) => {
      if (!body.password || !body.code) throw new Problem(403, 'Password and code are needed.');
      state.tak.totp = false;
    }],
    ['DELETE /api/v1/users/([^/]+)/totp', () => {}],
  ];
}
