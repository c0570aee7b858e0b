/** What happens on the mock's map: people and drones that move, drawings, routes, chat, an emergency. */
import { randomUUID } from 'node:crypto';

const rad = Math.PI / 180;
const metre = 1 / 111_320;
const home = [47.262, 11.394];

/** [lat, lon] so many metres north and east of home. */
const at = (north, east) => [home[0] + north * metre, home[1] + (east * metre) / Math.cos(home[0] * rad)];

/** Somebody who walks along a closed way at a steady pace: where he is follows from the time alone. */
function walker(points, speed, offset = 0) {
  const legs = points.map((p, i) => {
    const q = points[(i + 1) % points.length];
    const [dn, de] = [(q[0] - p[0]) / metre, ((q[1] - p[1]) / metre) * Math.cos(p[0] * rad)];
    return { p, q, length: Math.hypot(dn, de), course: (Math.atan2(de, dn) / rad + 360) % 360 };
  });
  const total = legs.reduce((n, l) => n + l.length, 0);
  return (time) => {
    let d = (((time / 1000) * speed + offset) % total + total) % total;
    for (const l of legs) {
      if (d <= l.length) {
        const f = l.length === 0 ? 0 : d / l.length;
        return { lat: l.p[0] + (l.q[0] - l.p[0]) * f, lon: l.p[1] + (l.q[1] - l.p[1]) * f, course: l.course, speed };
      }
      d -= l.length;
    }
    return { lat: points[0][0], lon: points[0][1], course: 0, speed };
  };
}

const still = (p) => () => ({ lat: p[0], lon: p[1] });

const argb = (a, r, g, b) => ((a << 24) | (r << 16) | (g << 8) | b) | 0;

function people() {
  const p = (uid, callsign, user, team, role, groups, move, more = {}) => ({ uid, callsign, user, team, role, groups, move, ...more });
  const patrol = (n, e, s) => [at(n, e), at(n + s, e + s * 0.4), at(n + s * 0.7, e + s * 1.5), at(n - s * 0.3, e + s)];
  const atak = (device, version = '5.4.0.12') => ({ platform: 'ATAK-CIV', version, device, os: '14' });
  return [
    p('ANDROID-5f3c9a1b7d2e', 'FALKE 2', 'pilot.hansen', 'Cyan', 'Team Member', ['recon', 'command'], walker(patrol(300, -900, 420), 1.4), { takv: atak('Samsung SM-T636B'), battery: 78 }),
    p('ANDROID-90ab12cd34ef', 'ADLER 1', 'maj.keller', 'White', 'HQ', ['command'], still(at(-120, 160)), { takv: { platform: 'WinTAK-CIV', version: '5.3.0.155', device: 'Panasonic CF-33', os: 'Windows 11' }, battery: 100 }),
    p('IOS-7be01f22aa90', 'SANI 3', 'sgt.lindqvist', 'Red', 'Medic', ['medical', 'command'], walker(patrol(-700, 500, 350), 1.2, 300), { takv: { platform: 'iTAK', version: '2.12.0', device: 'iPhone 15', os: '18.1' }, battery: 14, phone: '+43 512 5550 123' }),
    p('ANDROID-c40b77aa1290', 'LUCHS 4', 'cpl.moreau', 'Cyan', 'Team Lead', ['recon'], walker(patrol(700, -500, 300), 1.5, 90), { takv: atak('Google Pixel 8'), battery: 61 }),
    p('ANDROID-12aa40f0c3d1', 'LUCHS 5', 'pvt.novak', 'Cyan', 'Forward Observer', ['recon'], walker(patrol(820, -380, 260), 1.3, 400), { takv: atak('Google Pixel 8'), battery: 54 }),
    p('ANDROID-12aa40f0c3d2', 'LUCHS 6', 'pvt.silva', 'Cyan', 'RTO', ['recon'], walker(patrol(640, -620, 240), 1.4, 700), { takv: atak('Samsung SM-G736B'), battery: 47 }),
    p('ANDROID-77bb11cc22dd', 'KONVOI 1', 'sgt.brandt', 'Orange', 'Team Lead', ['base'], walker([at(-1500, -2200), at(-900, -600), at(-300, 700), at(300, 2100), at(-500, 900)], 11), { takv: atak('Samsung SM-T636B'), battery: 92, type: 'a-f-G-E-V-C' }),
    p('ANDROID-77bb11cc22de', 'KONVOI 2', 'pvt.ruiz', 'Orange', 'Team Member', ['base'], walker([at(-1500, -2200), at(-900, -600), at(-300, 700), at(300, 2100), at(-500, 900)], 11, -160), { takv: atak('Samsung SM-T636B'), battery: 88, type: 'a-f-G-E-V-C' }),
    p('ANDROID-3300ff00aa11', 'POSTEN OST', 'camera.gate', 'Green', 'Team Member', ['base'], still(at(120, 980)), { takv: atak('Zebra ET45', '5.2.0.7'), battery: 33 }),
    p('ANDROID-e1e2e3e4e5e6', 'BERG 7', 'pilot.okafor', 'Purple', 'K9', ['recon'], still(at(1500, 1300)), { takv: atak('Ulefone Armor 23', '4.10.0.5'), battery: 8, connected: false, age: 26 * 60 }),
    p('ANDROID-d0d1d2d3d4d5', 'TAL 2', 'lt.weber', 'Yellow', 'Team Member', ['command'], still(at(-1300, 1700)), { takv: atak('Samsung SM-S911B'), battery: 40, connected: false, age: 4 * 60 }),
  ];
}

function things(host) {
  const now = Date.now();
  const t = (uid, type, callsign, move, groups, more = {}) => ({ uid, type, callsign, move, groups, ...more });
  const loop = [at(900, -300), at(1200, 300), at(900, 900), at(500, 300)];
  return [
    t('UAS-NORTH-EO', 'a-f-A-M-F-Q', 'UAS NORD', walker(loop, 16), ['recon', 'command'], {
      ...{ user: 'pilot.hansen', hae: 812, battery: 66, moving: true, parent: 'ANDROID-5f3c9a1b7d2e' },
      ...{ video: { url: `rtsp://${host}:8554/uas/north/eo`, alias: 'UAS NORD EO' }, sensor: { azimuth: 0, fov: 38, vfov: 24, range: 700 } },
    }),
    t('UAS-SOUTH-EO', 'a-f-A-M-H-Q', 'UAS SÜD', walker([at(-900, -700), at(-1200, 200), at(-700, 400)], 9), ['recon'], {
      ...{ user: 'pilot.okafor', hae: 690, battery: 31, moving: true, video: { url: `https://${host}/hls/uas/south/eo/index.m3u8` }, sensor: { azimuth: 200, fov: 55, range: 420 } },
    }),
    t('CAM-GATE-EAST', 'b-m-p-s-p-loc', 'Tor Ost', still(at(150, 1000)), ['base'], { archive: true, video: { url: `rtsp://${host}:8554/gate-east` }, sensor: { azimuth: 75, fov: 62, range: 260 } }),
    t('H-1', 'a-h-G-E-V-A-T', 'Panzer', walker([at(1900, 2100), at(2100, 2500), at(1800, 2700)], 4), ['command', 'recon'], { moving: true, remarks: 'Gemeldet von LUCHS 5, zwei weitere vermutet.' }),
    t('H-2', 'a-h-G-U-C-I', 'Infanterie', still(at(1750, 1900)), ['command', 'recon'], { archive: true, remarks: 'Etwa zehn Personen am Waldrand.' }),
    t('S-1', 'a-s-G', 'Lieferwagen', still(at(-350, -1250)), ['base'], { archive: true }),
    t('N-1', 'a-n-G-I-b', 'Krankenhaus', still(at(-480, -220)), ['command'], { archive: true }),
    t('N-2', 'a-n-A-C-F', 'OE-KLM', walker([at(-4000, -5000), at(4500, 5200), at(4400, 5400), at(-4100, -4800)], 62), ['command'], { moving: true, hae: 2150 }),
    t('U-1', 'a-u-G', 'Unbekannt 4', still(at(430, 1750)), ['recon'], { archive: false, age: 22 * 60 }),
    t('M-1', 'b-m-p-s-m', 'Brücke gesperrt', still(at(-260, 520)), ['command', 'base'], { archive: true, color: argb(255, 255, 200, 0), user: 'admin' }),
    t('M-2', 'b-m-p-w-GOTO', 'Treffpunkt', still(at(60, -420)), ['command'], { archive: true, color: argb(255, 0, 255, 0), user: 'maj.keller' }),
    t('R-1', 'b-r-f-h-c', 'CASEVAC 1', still(at(-820, 760)), ['medical', 'command'], { archive: true, user: 'sgt.lindqvist', remarks: 'Ein Verletzter, gehfähig.' }),
    t('D-1', 'u-d-f', 'Sektor A', still(at(900, -200)), ['recon', 'command'], {
      ...{ archive: true, closed: true, strokeColor: argb(255, 255, 119, 0), fillColor: argb(70, 255, 119, 0), strokeWeight: 3 },
      points: [at(1400, -900), at(1500, 500), at(900, 900), at(600, -100), at(800, -900)],
    }),
    t('D-2', 'u-d-c-c', 'Sammelraum', still(at(-520, -320)), ['command'], { archive: true, ellipse: { major: 260, minor: 260, angle: 0 }, strokeColor: argb(255, 0, 255, 255), fillColor: argb(50, 0, 255, 255), strokeWeight: 2 }),
    t('D-3', 'u-d-c-e', 'Suchraum', still(at(-1150, 1050)), ['medical'], { archive: true, ellipse: { major: 520, minor: 240, angle: 60 }, strokeColor: argb(255, 255, 255, 255), strokeWeight: 2 }),
    t('D-4', 'u-d-r', 'Landeplatz', still(at(-140, -820)), ['base'], {
      ...{ archive: true, closed: true, strokeColor: argb(255, 0, 255, 0), fillColor: argb(60, 0, 255, 0), strokeWeight: 2 },
      points: [at(-100, -900), at(-60, -780), at(-180, -740), at(-220, -860)],
    }),
    t('D-5', 'u-d-f', 'Zaun', still(at(200, 900)), ['base'], {
      ...{ archive: true, closed: true, geofence: true, strokeColor: argb(255, 255, 255, 0), strokeWeight: 2 },
      points: [at(520, 700), at(520, 1300), at(-60, 1300), at(-60, 700)],
    }),
    t('RT-1', 'b-m-r', 'Route Grün', still(at(-1500, -2200)), ['base', 'command'], {
      ...{ archive: true, route: true, strokeColor: argb(255, 60, 220, 90), strokeWeight: 4 },
      points: [at(-1500, -2200), at(-1150, -1300), at(-900, -600), at(-520, 40), at(-300, 700), at(40, 1300), at(300, 2100)],
    }),
    t('RB-1', 'u-rb-a', 'R&B 1', still(at(-120, 160)), ['command'], { archive: true, rangeBearing: { range: 1900, bearing: 48 }, strokeColor: argb(255, 255, 80, 80), strokeWeight: 2 }),
  ].map((thing) => ({ start: now - 3_600_000, ...thing }));
}

/** Tracks for the measurement: they fill a country. */
function crowd(n) {
  const teams = ['Cyan', 'Red', 'Green', 'Orange', 'Yellow', 'White'];
  const types = ['a-f-G-U-C', 'a-h-G-E-V', 'a-n-A-C-F', 'a-u-S', 'a-f-A-M-H'];
  return Array.from({ length: n }, (_, i) => {
    const [north, east] = [((i * 7919) % 3001) * 40 - 60_000, ((i * 104_729) % 2999) * 60 - 90_000];
    const person = i % 3 === 0;
    return {
      ...{ uid: `C-${i}`, type: types[i % types.length], callsign: `TRACK ${i}`, groups: ['command'], moving: true, start: Date.now() - 1e6 },
      move: walker([at(north, east), at(north + 2000, east + 1500), at(north - 500, east + 2500)], 5 + (i % 40), i * 13),
      ...(person ? { team: teams[i % teams.length], role: 'Team Member', connected: true, type: 'a-f-G-U-C' } : {}),
    };
  });
}

/**
 * emit(message) sends to every page. options.crowd: that many tracks more. options.host: where the
 * video addresses lead.
 */
export function startSituation(emit, options = {}) {
  const host = options.host ?? '127.0.0.1';
  const all = new Map();
  const contacts = new Map();
  const emergencies = [];
  const voice = [];
  let talking = [];
  const born = Date.now();

  for (const person of people()) {
    const { uid, callsign, user, team, role, groups, takv, battery, phone } = person;
    const connected = person.connected ?? true;
    all.set(uid, { type: 'a-f-G-U-C', start: born - 5e6, moving: connected, ...person, connected, takv: undefined, phone: undefined });
    contacts.set(uid, { uid, callsign, user, team, role, takv, battery, groups, connected, phone, lastSeen: new Date(born - (person.age ?? 0) * 1000).toISOString(), type: person.type ?? 'a-f-G-U-C' });
  }
  for (const thing of [...things(host), ...crowd(options.crowd ?? 0)]) all.set(thing.uid, thing);

  /** An item as the API gives it, at a time. */
  function itemAt(entry, time) {
    const { move, moving, age, takv: _takv, phone: _phone, ...rest } = entry;
    const reported = time - (age ?? 0) * 1000;
    const place = move(reported);
    const item = { how: 'm-g', ...rest, ...place, time: reported, stale: entry.archive ? time + 86_400_000 : reported + 90_000, ce: 4.5 };
    if (!moving) {
      delete item.speed;
      delete item.course;
    }
    if (entry.sensor && moving) item.sensor = { ...entry.sensor, azimuth: (place.course + 40 * Math.sin(time / 9000) + 360) % 360 };
    return item;
  }

  const list = (time) => [...all.values()].filter((e) => e.start <= time).map((e) => itemAt(e, time));
  const contactList = () =>
    [...contacts.values()].map((c) => {
      const entry = all.get(c.uid);
      const { lat, lon } = entry ? entry.move(Date.now() - (entry.age ?? 0) * 1000) : {};
      return { ...c, lat, lon, ...(c.connected ? { lastSeen: new Date().toISOString() } : {}) };
    });

  const moving = [...all.values()].filter((e) => e.moving);
  // A large crowd is spread over the second, as the server would.
  const parts = moving.length > 200 ? 10 : 1;
  let part = 0;
  const timer = setInterval(() => {
    const now = Date.now();
    const batch = [...all.values()].filter((e, i) => e.moving && i % parts === part).map((e) => itemAt(e, now));
    part = (part + 1) % parts;
    if (batch.length > 0) emit({ kind: 'items', items: batch });
  }, 1000 / parts);

  return {
    all,
    contacts,
    emergencies,
    snapshot: (uid) => ({ kind: 'snapshot', items: list(Date.now()), contacts: contactList(), emergencies, uid, voice, talking }),
    /** Puts the person with a device into a room. */
    enter(uid, room, title) {
      const who = contacts.get(uid);
      const present = { id: `in-${uid}`, room, title, name: who.callsign, user: who.user, kind: 'mumble', uids: [uid] };
      voice.push(present);
      emit({ kind: 'voice', voice: [present] });
    },
    leaveRooms() {
      const left = voice.splice(0).map((p) => p.id);
      talking = [];
      emit({ kind: 'voice', left });
    },
    talk(...uids) {
      talking = uids.map((uid) => `in-${uid}`);
      emit({ kind: 'talk', talking });
    },
    contactList,
    item(uid) {
      const entry = all.get(uid);
      return entry ? itemAt(entry, Date.now()) : null;
    },
    at: list,
    track(uid, from, to) {
      const entry = all.get(uid);
      const points = [];
      if (entry?.moving) {
        for (let t = from; t <= to; t += Math.max(10_000, (to - from) / 400)) {
          const p = entry.move(t);
          points.push([t, p.lat, p.lon, null, p.speed ?? null, p.course ?? null]);
        }
      }
      return points;
    },
    span: () => ({ from: new Date(born - 2 * 3_600_000).toISOString(), to: new Date().toISOString() }),
    add(body, user) {
      const uid = body.uid ?? randomUUID();
      const { lat, lon, staleMinutes, ...rest } = body;
      const entry = { start: Date.now(), groups: ['command'], user, archive: !body.uid, ...rest, uid, move: still([lat, lon]) };
      all.set(uid, entry);
      emit({ kind: 'items', items: [itemAt(entry, Date.now())] });
      return uid;
    },
    remove(uid) {
      const known = all.delete(uid);
      if (known) emit({ kind: 'gone', uids: [uid] });
      return known;
    },
    connect(uid, connected) {
      const contact = contacts.get(uid);
      Object.assign(contact, { connected, lastSeen: new Date().toISOString() });
      Object.assign(all.get(uid), { connected });
      emit({ kind: 'contacts', contacts: contactList().filter((c) => c.uid === uid) });
    },
    raise(uid = 'IOS-7be01f22aa90', kind = '911 Alert', secondsAgo = 0) {
      const who = contacts.get(uid);
      const { lat, lon } = all.get(uid).move(Date.now());
      emergencies.push({ uid: `${uid}-9-1-1`, type: 'b-a-o-tbl', kind, callsign: who.callsign, user: who.user, groups: who.groups, started: new Date(Date.now() - secondsAgo * 1000).toISOString(), lat, lon });
      all.set(`${uid}-9-1-1`, { uid: `${uid}-9-1-1`, type: 'b-a-o-tbl', callsign: `${who.callsign}-Alert`, groups: who.groups, user: who.user, emergency: kind, start: Date.now(), archive: true, move: all.get(uid).move, parent: uid });
      emit({ kind: 'items', items: [itemAt(all.get(`${uid}-9-1-1`), Date.now())] });
      emit({ kind: 'emergencies', emergencies });
    },
    cancel(uid) {
      const i = emergencies.findIndex((e) => e.uid === uid);
      if (i < 0) return false;
      emergencies.splice(i, 1);
      this.remove(uid);
      emit({ kind: 'emergencies', emergencies });
      return true;
    },
    stop: () => clearInterval(timer),
  };
}
