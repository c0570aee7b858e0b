/** What the mock server holds when it starts. */

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const ahead = (days) => new Date(Date.now() + days * 86_400_000).toISOString();

const h264 = (w = 1280, h = 720, more = {}) => ({ codec: 'H264', kind: 'video', detail: `H264 ${w}x${h}`, width: w, height: h, ...more });
const video = (codec, w = 1920, h = 1080) => ({ codec, kind: 'video', detail: `${codec} ${w}x${h}`, width: w, height: h });
const opus = { codec: 'Opus', kind: 'audio', detail: 'Opus 48000 Hz 2 ch' };
const aac = { codec: 'AAC', kind: 'audio', detail: 'AAC 48000 Hz 2 ch' };

function stream(name, groups, user, protocol, seconds, tracks, bitrate, readers) {
  const viewers = Object.values(readers).reduce((a, b) => a + b, 0);
  return {
    ...{ name, groups, user, protocol, since: ago(seconds), tracks, readers, bitrate, viewers },
    ...{ bytesIn: Math.round((bitrate * seconds) / 8), bytesOut: Math.round((bitrate * seconds * viewers) / 8), badUnits: 0, jumps: 0, recording: name === 'gate-east' },
  };
}

export function streams() {
  return [
    stream('uas/north/eo', ['recon', 'command'], 'pilot.hansen', 'rtsp', 4210, [h264(1920, 1080), opus], 4_120_000, { whep: 3, rtsp: 2 }),
    stream('uas/north/ir', ['recon'], 'pilot.hansen', 'srt', 4198, [h264(640, 512)], 1_240_000, { whep: 1 }),
    stream('uas/south/eo', ['recon'], 'pilot.okafor', 'rtmp', 1312, [h264(1280, 720, { reordered: true }), aac], 2_480_000, { hls: 2 }),
    stream('gate-east', ['base'], 'camera.gate', 'rtsp', 260_400, [video('H265', 2560, 1440)], 3_050_000, {}),
    stream('gate-west', ['base'], 'camera.gate', 'rtsp', 260_381, [h264()], 2_010_000, { rtsp: 1 }),
    stream('medevac/helmet-2', ['medical', 'command'], 'sgt.lindqvist', 'whip', 95, [video('VP8', 1280, 720), opus], 1_480_000, { whep: 2 }),
    stream('ops-room', ['command'], 'admin', 'whip', 610, [video('VP9', 1280, 720), opus], 980_000, { whep: 6, srt: 1 }),
    stream('range/tower', ['base'], 'camera.range', 'mpegts', 18_000, [video('AV1')], 1_730_000, {}),
    stream('net-radio', ['command'], 'admin', 'rtmp', 7300, [opus], 96_000, { rtsp: 4 }),
  ];
}

export function recordings() {
  const one = (id, stream, groups, user, seconds, duration, bytes, open = false) => ({ id, stream, groups, user, start: ago(seconds), duration, bytes, open });
  return [
    one('r6', 'gate-east', ['base'], 'camera.gate', 420, 420, 160_000_000, true),
    one('r5', 'gate-east', ['base'], 'camera.gate', 4020, 3600, 1_372_000_000),
    one('r4', 'uas/north/eo', ['recon', 'command'], 'pilot.hansen', 90_000, 1834.2, 941_500_000),
    one('r3', 'medevac/helmet-2', ['medical', 'command'], 'sgt.lindqvist', 180_400, 47, 8_700_000),
  ];
}

const g = (group, i, o) => ({ group, in: i, out: o });

export const me = {
  admin: { user: 'admin', role: 'admin', groups: [g('command', true, true)], canPublish: true },
  member: { user: 'sgt.lindqvist', role: 'member', groups: [g('medical', true, true), g('command', false, true)], canPublish: true },
  watcher: { user: 'visitor', role: 'member', groups: [g('nobody', false, true)], canPublish: false },
};

export function users() {
  const user = (name, fullName, role, groups, more = {}) => ({ ...{ name, fullName, role, disabled: false, created: ago(8e6), groups }, ...more });
  return [
    user('admin', '', 'admin', [g('command', true, true)], { lastLogin: ago(60) }),
    user('maj.keller', 'Maj. Ruth Keller', 'operator', [g('command', true, true), g('recon', false, true), g('base', false, true)], { lastLogin: ago(4000) }),
    user('pilot.hansen', 'Ida Hansen', 'member', [g('recon', true, true)], { lastLogin: ago(4300) }),
    user('pilot.okafor', 'Samuel Okafor', 'member', [g('recon', true, true)], { lastLogin: ago(90_000) }),
    user('sgt.lindqvist', 'Sgt. Per Lindqvist', 'member', [g('medical', true, true), g('command', false, true)], { lastLogin: ago(400) }),
    user('camera.gate', 'Gate cameras', 'member', [g('base', true, false)]),
    user('camera.range', 'Range cameras', 'member', [g('base', true, false)]),
    user('former.member', 'No longer here', 'member', [], { disabled: true, lastLogin: ago(9e6) }),
  ];
}

export function groups() {
  return [
    { name: 'command', description: 'Those who decide', members: 3 },
    { name: 'recon', description: 'Drones and those who watch them', members: 3 },
    { name: 'base', description: 'Gates, towers, perimeter', members: 3 },
    { name: 'medical', description: 'MEDEVAC', members: 1 },
  ];
}

export function tokens() {
  return [
    { id: 'k7Q2', user: 'pilot.hansen', name: 'ground station', kind: 'streamkey', scope: { actions: ['publish'], streams: ['uas/north/*'] }, created: ago(1e6), expires: ahead(12), lastUsed: ago(4200) },
    { id: 'm1xA', user: 'maj.keller', name: 'wall screen, ops room', kind: 'streamkey', scope: { actions: ['read'], streams: [] }, created: ago(2e6), expires: ahead(120), lastUsed: ago(30) },
    { id: 'p9Lw', user: 'admin', name: 'nightly backup', kind: 'token', scope: { actions: ['api', 'admin'], streams: [] }, created: ago(6e6), lastUsed: ago(40_000) },
    { id: 'z3Tf', user: 'camera.range', name: 'old tower camera', kind: 'streamkey', scope: { actions: ['publish'], streams: ['range/tower'] }, created: ago(9e6), expires: ago(200_000), lastUsed: ago(300_000) },
  ];
}

export function sessions() {
  const s = (id, user, protocol, action, resource, remote, seconds, more = {}) => ({ id, user, protocol, action, resource, remote, started: ago(seconds), ...more });
  return [
    s('S1', 'pilot.hansen', 'rtsp', 'publish', 'uas/north/eo', '10.20.4.17:51820', 4210, { agent: 'Lavf60.16.100', token: 'k7Q2' }),
    s('S2', 'pilot.okafor', 'rtmp', 'publish', 'uas/south/eo', '10.20.4.31:40112', 1312, { agent: 'FMLE/3.0 (compatible; Lavf60)' }),
    s('S3', 'maj.keller', 'whep', 'read', 'uas/north/eo', '192.168.7.20:58221', 900, { agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36' }),
    s('S4', 'sgt.lindqvist', 'whip', 'publish', 'medevac/helmet-2', '[2001:db8:44::9]:60331', 95),
    s('S5', 'camera.gate', 'rtsp', 'publish', 'gate-east', '10.20.9.2:43210', 260_400, { device: 'ab12' }),
    s('S6', 'admin', 'web', 'api', '', '192.168.7.4:61200', 60),
  ];
}

export function certificates() {
  const c = (user, name, fingerprint, days, more = {}) => ({ fingerprint, serial: fingerprint.slice(0, 8), user, name, issued: ago(3e6), expires: ahead(days), ...more });
  return [
    c('camera.gate', 'gate camera', 'ab12f09c44de8812773fa0019bc3de55ab12f09c44de8812773fa0019bc3de55', 320),
    c('pilot.hansen', 'tablet 7', '90cd117e5512f09c44de8812773fa0019bc3de55ab12f09c44de8812773fa001', 40),
    c('former.member', 'lost phone', '77aa117e5512f09c44de8812773fa0019bc3de55ab12f09c44de8812773fa002', 200, { revoked: ago(500_000) }),
  ];
}

export const server = {
  name: 'Muster',
  version: '0.1.0',
  hostNames: ['muster.example.org', '192.168.7.1'],
  doors: [
    { name: 'https', network: 'tcp', address: '[::]:443', error: 'port 443 needs a right that this user lacks', fix: 'sudo setcap cap_net_bind_service=+ep ./bin/muster' },
    { name: 'http', network: 'tcp', address: '[::]:8080' },
    { name: 'rtsp', network: 'tcp', address: '[::]:8554' },
    { name: 'rtsps', network: 'tcp', address: '[::]:8322' },
    { name: 'rtmp', network: 'tcp', address: '[::]:1935' },
    { name: 'srt', network: 'udp', address: '[::]:8890' },
    { name: 'webrtc', network: 'udp', address: '[::]:8189' },
  ],
  caFingerprint: '5f:1c:90:aa:3b:77:e2:01:44:cd:9e:10:7f:32:b8:6a',
};

export const health = [
  { name: 'store', ok: true, reason: '' },
  { name: 'rtsp', ok: true, reason: '' },
  { name: 'rtmp', ok: true, reason: '' },
  { name: 'webrtc', ok: true, reason: '' },
  { name: 'certificates', ok: false, reason: 'The ACME server did not answer; the present certificate is valid for 9 more days.' },
];

export function addresses(name, host, key) {
  const who = key ?? 'USER:PASSWORD';
  const a = (protocol, use, app, label, url) => ({ protocol, use, app, label, url });
  return [
    a('rtsp', 'watch', 'VLC', 'Media, Open Network Stream', `rtsp://${who}@${host}:8554/${name}`),
    a('rtsp', 'watch', 'ffplay', 'ffplay -rtsp_transport tcp followed by this address', `rtsp://${who}@${host}:8554/${name}`),
    a('rtsp', 'watch', 'ATAK', 'Video player, add a video alias with this address', `rtsp://${who}@${host}:8554/${name}`),
    a('srt', 'watch', 'ffplay', 'For lossy networks', `srt://${host}:8890?streamid=read:${name}:${who}`),
    a('whep', 'watch', 'OBS', 'WebRTC; the password goes into the field for the bearer token', `https://${host}/rtc/${name}/whep`),
    a('rtsp', 'publish', 'ffmpeg', '', `rtsp://${who}@${host}:8554/${name}`),
  ];
}
