/**
 * A small stand-in for the Muster server: the REST API, the live channel, stills and HLS, and the
 * built console under the same strict policy. For tests, and for working on pages:
 *
 *   npm run mock            serves web/dist on http://127.0.0.1:9096 (any name and password log in)
 *   npm run dev             serves the sources and forwards to it
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as data from './mock-data.mjs';
import { startMedia } from './mock-media.mjs';
import { startSituation } from './mock-situation.mjs';
import { ownUid, takData, takRoutes } from './mock-tak.mjs';
import { accept } from './websocket.mjs';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const types = {
  ...{ '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' },
  ...{ '.woff2': 'font/woff2', '.webmanifest': 'application/manifest+json', '.txt': 'text/plain', '.json': 'application/json' },
};

/**
 * As strict as the server may become: nothing inline, nothing from elsewhere, Trusted Types on. The policy
 * "default" lets MapLibre start its worker from this server, and nothing else.
 */
export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
  "media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; trusted-types svelte-trusted-html default";

class Problem extends Error {
  constructor(status, detail, headers = {}, type = 'about:blank') {
    super(detail);
    this.status = status;
    this.headers = headers;
    this.type = type;
  }
}

/**
 * options.port; options.answer(kind, name, sdp) → SDP answer of WHIP and WHEP, without it they
 * answer 501; options.crowd: so many tracks more on the map; options.lively: somebody writes, and an
 * emergency comes.
 */
export async function startMock(options = {}) {
  const media = await startMedia();
  const state = {
    ...{ streams: data.streams(), users: data.users(), groups: data.groups(), tokens: data.tokens(), recordings: data.recordings() },
    ...{ sessions: data.sessions(), certificates: data.certificates(), cookies: new Map(), peers: new Set(), patches: [], deleted: [] },
    ...{ watchers: new Set(), tak: takData(), oidc: [] },
  };
  const say = (message) => {
    for (const peer of state.watchers) peer.send(message);
  };
  const situation = startSituation(say, { crowd: options.crowd });
  const emit = (kind, value) => {
    for (const peer of state.peers) peer.send({ kind, time: new Date().toISOString(), data: value });
  };
  const find = (list, key, value, what) => {
    const entry = list.find((e) => e[key] === value);
    if (!entry) throw new Problem(404, `There is no ${what} ${value}.`);
    return entry;
  };
  const drop = (list, entry) => list.splice(list.indexOf(entry), 1);
  const changed = (kind, entry) => emit(kind, { name: entry.name });
  const record = (name, on) => {
    find(state.streams, 'name', name, 'stream').recording = on;
    emit('recording.changed', { stream: name, change: on ? 'on' : 'off' });
  };

  const routes = [
    ['POST /api/v1/login', ({ body, response }) => {
      if (body.user === 'two.steps' && body.code !== '123456')
        throw new Problem(401, 'A code is needed.', {}, 'urn:muster:code-needed');
      if (body.password === 'wrong') throw new Problem(401, 'Name or password is wrong.');
      if (body.password === 'flood') throw new Problem(429, 'Too many failed logins from this address. Wait 30 seconds.', { 'Retry-After': '30' });
      const id = randomUUID();
      const who = data.me[body.user === 'visitor' ? 'watcher' : body.user === 'sgt.lindqvist' ? 'member' : 'admin'];
      state.cookies.set(id, who);
      response.setHeader('Set-Cookie', `muster_session=${id}; HttpOnly; SameSite=Strict; Path=/`);
      return who;
    }],
    ['GET /api/v1/login/methods', () => ({ password: true, reset: true, oidc: state.oidc })],
    ['POST /api/v1/login/forgotten', () => {}],
    ['POST /api/v1/login/reset/check', () => ({ user: 'chief' })],
    ['PUT /api/v1/login/reset', () => {}],
    ['GET /api/v1/me/email', () => ({ email: 'chief@example.org', mail: true })],
    ['PUT /api/v1/me/email', () => {}],
    ['POST /api/v1/logout', ({ cookie }) => void state.cookies.delete(cookie)],
    ['GET /api/v1/me', ({ me }) => me],
    ['PUT /api/v1/me/password', () => {}],
    ['GET /api/v1/server', () => data.server],
    ['GET /api/v1/health', () => ({ parts: data.health })],
    ['GET /api/v1/streams', () => ({ streams: state.streams })],
    ['GET /api/v1/streams/(.+)', ({ name }) => find(state.streams, 'name', name, 'stream')],
    ['DELETE /api/v1/streams/(.+)', ({ name }) => {
      const stream = find(state.streams, 'name', name, 'stream');
      drop(state.streams, stream);
      emit('stream.ended', stream);
    }],
    ['PUT /api/v1/recorders/(.+)', ({ name }) => record(name, true)],
    ['DELETE /api/v1/recorders/(.+)', ({ name }) => record(name, false)],
    ['GET /api/v1/recordings', ({ query }) => {
      const stream = query.get('stream');
      return { recordings: state.recordings.filter((r) => !stream || r.stream === stream), next: '' };
    }],
    ['GET /api/v1/recordings/([^/]+)/content', async ({ name, query, response }) => {
      find(state.recordings, 'id', name, 'recording');
      const clip = await media.still('H264', 0);
      const attached = query.get('download') === 'true' ? { 'Content-Disposition': `attachment; filename="${name}.mp4"` } : {};
      response.writeHead(200, { 'Content-Type': 'video/mp4', ...attached }).end(clip);
    }, 'done'],
    ['DELETE /api/v1/recordings/([^/]+)', ({ name }) => {
      const [gone] = drop(state.recordings, find(state.recordings, 'id', name, 'recording'));
      emit('recording.changed', { stream: gone.stream, change: 'deleted', id: gone.id });
    }],
    ['GET /api/v1/addresses/(.+)', ({ name, host }) => ({ addresses: data.addresses(name, host) })],
    ['POST /api/v1/addresses/(.+)', ({ name, host, body, me }) => ({
      addresses: data.addresses(name, host, `${me.user}:mk_${randomUUID().replaceAll('-', '')}`),
      tokenId: 'new1',
      expires: new Date(Date.now() + body.days * 86_400_000).toISOString(),
    })],
    ['GET /api/v1/users', () => ({ users: state.users })],
    ['POST /api/v1/users', ({ body }) => {
      if (state.users.some((u) => u.name === body.name)) throw new Problem(409, `There is a user ${body.name} already.`);
      const { password: _, ...rest } = body;
      const user = { ...rest, disabled: false, created: new Date().toISOString() };
      state.users.push(user);
      changed('user.changed', user);
      return user;
    }, 201],
    ['PUT /api/v1/users/([^/]+)/password', () => {}],
    ['PUT /api/v1/users/([^/]+)/groups/([^/]+)', ({ name, second, body }) => {
      const user = find(state.users, 'name', name, 'user');
      user.groups = [...user.groups.filter((g) => g.group !== second), { group: second, ...body }];
      changed('user.changed', user);
    }],
    ['DELETE /api/v1/users/([^/]+)/groups/([^/]+)', ({ name, second }) => {
      const user = find(state.users, 'name', name, 'user');
      user.groups = user.groups.filter((g) => g.group !== second);
      changed('user.changed', user);
    }],
    ['PATCH /api/v1/users/([^/]+)', ({ name, body }) => changed('user.changed', Object.assign(find(state.users, 'name', name, 'user'), body))],
    ['DELETE /api/v1/users/([^/]+)', ({ name }) => changed('user.changed', drop(state.users, find(state.users, 'name', name, 'user'))[0])],
    ['GET /api/v1/groups', () => ({ groups: state.groups })],
    ['POST /api/v1/groups', ({ body }) => {
      state.groups.push({ ...body, members: 0 });
      changed('group.changed', body);
      return body;
    }, 201],
    ['DELETE /api/v1/groups/([^/]+)', ({ name }) => changed('group.changed', drop(state.groups, find(state.groups, 'name', name, 'group'))[0])],
    ['GET /api/v1/tokens', () => ({ tokens: state.tokens })],
    ['POST /api/v1/tokens', ({ body, me }) => {
      const token = { id: randomUUID().slice(0, 6), user: me.user, created: new Date().toISOString(), ...body };
      state.tokens.push(token);
      changed('token.changed', token);
      return { token, secret: `mk_${randomUUID().replaceAll('-', '')}` };
    }, 201],
    ['DELETE /api/v1/tokens/([^/]+)', ({ name }) => changed('token.changed', drop(state.tokens, find(state.tokens, 'id', name, 'token'))[0])],
    ['GET /api/v1/sessions', () => ({ sessions: state.sessions })],
    ['DELETE /api/v1/sessions/([^/]+)', ({ name }) => emit('session.closed', drop(state.sessions, find(state.sessions, 'id', name, 'session'))[0])],
    ['GET /api/v1/certificates', () => ({ certificates: state.certificates })],
    ['POST /api/v1/certificates', ({ body }) => {
      const print = randomUUID().replaceAll('-', '').repeat(2);
      const certificate = { fingerprint: print, serial: print.slice(0, 8), user: body.user, name: body.name, issued: new Date().toISOString(), expires: new Date(Date.now() + body.days * 86_400_000).toISOString() };
      state.certificates.push(certificate);
      return { certificate, p12: 'AAAA', truststoreP12: 'AAAA', caPEM: '-----BEGIN CERTIFICATE-----\n' };
    }, 201],
    ['DELETE /api/v1/certificates/([^/]+)', ({ name }) => {
      find(state.certificates, 'fingerprint', name, 'certificate').revoked = new Date().toISOString();
      emit('device.changed', {});
    }],
    ...takRoutes({ state, situation, say, Problem, find, drop, changed }),
  ].map(([pattern, run, status]) => {
    const [method, path] = pattern.split(' ');
    return { method, path: new RegExp(`^${path}$`), run, status };
  });

  async function api(request, response, path) {
    const cookie = /muster_session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    const me = state.cookies.get(cookie);
    if (!me && !path.startsWith('/api/v1/login')) throw new Problem(401, 'Log in first.');
    if (path.startsWith('/api/v1/stills/')) return still(response, decodeURIComponent(path.slice(15)));
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const body = (request.headers['content-type'] ?? '').includes('json') && bytes.length > 0 ? JSON.parse(bytes) : {};
    const { searchParams: query } = new URL(request.url, 'http://x');
    for (const route of routes) {
      const match = route.method === request.method && route.path.exec(path);
      if (!match) continue;
      const [name, second] = match.slice(1).map(decodeURIComponent);
      const host = request.headers.host.split(':')[0];
      const result = await route.run({ body, bytes, query, request, response, cookie, me, name, second, host, match: match.slice(1) });
      if (route.status === 'done') return;
      if (result === undefined) return response.writeHead(204).end();
      return response.writeHead(route.status ?? 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(result));
    }
    throw new Problem(404, 'There is no such thing in the API.');
  }

  async function still(response, name) {
    const stream = state.streams.find((s) => s.name === name);
    const video = stream?.tracks.find((track) => track.kind === 'video');
    const clip = video && (await media.still(video.codec, state.streams.indexOf(stream)));
    if (!clip) throw new Problem(404, 'There is no picture of this stream yet.');
    response.writeHead(200, { 'Content-Type': 'video/mp4', ETag: `"${clip.length}"`, 'Cache-Control': 'no-cache' }).end(clip);
  }

  async function rtc(request, response, path) {
    const match = /^\/rtc\/(.+)\/(whep|whip)(?:\/([^/]+))?$/.exec(path);
    if (!match) throw new Problem(404, 'There is no such thing.');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const [, name, kind] = match;
    if (request.method === 'DELETE') {
      state.deleted.push(path);
      return response.writeHead(200).end();
    }
    if (request.method === 'PATCH') {
      state.patches.push(body);
      return response.writeHead(204).end();
    }
    if (kind === 'whep') find(state.streams, 'name', name, 'stream');
    if (!options.answer) throw new Problem(501, 'This stand-in has no WebRTC.');
    const sdp = await options.answer(kind, name, body);
    response.writeHead(201, {
      ...{ 'Content-Type': 'application/sdp', Location: `/rtc/${name}/${kind}/${randomUUID()}`, ETag: '"1"' },
      Link: '<stun:127.0.0.1:9>; rel="ice-server"',
    });
    response.end(sdp);
  }

  async function file(response, path) {
    const name = extname(path) ? normalize(path) : '/index.html';
    const bytes = await readFile(join(dist, name)).catch(() => {
      throw new Problem(404, 'There is no such file.');
    });
    response.writeHead(200, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff' }).end(bytes);
  }

  const server = createServer(async (request, response) => {
    if (state.down) return request.socket.destroy();
    const path = new URL(request.url, 'http://x').pathname;
    try {
      if (path.startsWith('/api/')) await api(request, response, path);
      else if (path.startsWith('/rtc/')) await rtc(request, response, path);
      else if (path.startsWith('/hls/')) {
        const part = await media.hls(path.split('/').at(-1));
        if (!part) throw new Problem(404, 'No stream is available.');
        response.writeHead(200, { 'Content-Type': path.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'video/mp4' }).end(part);
      } else await file(response, path);
    } catch (e) {
      const status = e instanceof Problem ? e.status : 500;
      response.writeHead(status, { 'Content-Type': 'application/problem+json', ...(e.headers ?? {}) });
      response.end(JSON.stringify({ type: e.type ?? 'about:blank', title: 'Problem', status, detail: String(e.message) }));
    }
  });

  server.on('upgrade', (request, socket) => {
    const me = state.cookies.get(/muster_session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]);
    if (!me || state.refuseLive || state.down) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    const peer = accept(request, socket);
    if (request.url.startsWith('/api/v1/situation')) {
      state.watchers.add(peer);
      peer.onclose = () => state.watchers.delete(peer);
      peer.send(situation.snapshot(ownUid));
      return;
    }
    if (request.url.startsWith('/notify/')) {
      // Rooms are tried against the server itself; here there is only the list.
      peer.send({ type: 'hello', data: { key: randomUUID(), resume: 15, resumed: false, user: me.user } });
      return;
    }
    state.peers.add(peer);
    peer.onclose = () => state.peers.delete(peer);
    peer.send({ kind: 'hello', time: new Date().toISOString(), data: { me, streams: state.streams } });
  });

  const ticker = setInterval(() => {
    for (const s of state.streams) s.bitrate = Math.round(s.bitrate * (0.97 + Math.random() * 0.06));
    emit('stream.stats', { streams: state.streams.map(({ name, bitrate, viewers }) => ({ name, bitrate, viewers })) });
  }, 2000);

  const stories = options.lively ? tellStories(situation, say, state) : [];

  await new Promise((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    state,
    situation,
    emit,
    say,
    /** Cuts every live channel, as a network would. */
    cut() {
      for (const peer of [...state.peers, ...state.watchers]) peer.close();
    },
    async stop() {
      clearInterval(ticker);
      for (const story of stories) clearInterval(story);
      situation.stop();
      for (const peer of [...state.peers, ...state.watchers]) peer.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await media.stop();
    },
  };
}

/** Something to look at for those who work on pages: messages, somebody who comes and goes, an emergency. */
function tellStories(situation, say, state) {
  let n = 0;
  return [
    setInterval(() => {
      const who = situation.contactList()[n++ % 6];
      const message = { id: randomUUID(), room: 'All Chat Rooms', roomName: 'All Chat Rooms', kind: 'all', senderUid: who.uid, senderCallsign: who.callsign, senderUser: who.user, text: `Stand ${n}: keine Änderung.`, time: new Date().toISOString(), state: 'sent', mine: false };
      state.tak.messages.push(message);
      say({ kind: 'chat', messages: [message] });
    }, 25_000),
    setInterval(() => situation.connect('ANDROID-d0d1d2d3d4d5', n % 2 === 0), 20_000),
    setTimeout(() => situation.raise(), 15_000),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.env.PORT ?? 9096), crowd: Number(process.env.CROWD ?? 0), lively: true });
  console.log(`The stand-in server is at ${mock.url}; any name and password log in. Ctrl-C ends it.`);
  process.on('SIGINT', () => mock.stop().then(() => process.exit(0)));
}
