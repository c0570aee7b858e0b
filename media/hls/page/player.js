// A small HLS player: the browser's own where it has one, else Media Source
// Extensions fed with the parts and segments that the playlists name.
'use strict';

const video = document.getElementById('video');
const message = document.getElementById('message');
const say = (text) => { message.textContent = text; };
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const BEHIND = 30; // seconds of the past that are kept
const LAG = 4; // seconds behind the newest after which playing skips ahead

class Refused extends Error {}

async function load(url, as) {
  const answer = await fetch(url, { credentials: 'same-origin' });
  if (!answer.ok) {
    let text = `${answer.status} ${answer.statusText}`;
    try { text = (await answer.json()).error || text; } catch { /* not our server's words */ }
    throw new Refused(text);
  }
  return as === 'text' ? { text: await answer.text(), url: answer.url } : answer.arrayBuffer();
}

// attributes reads an attribute list (RFC 8216 section 4.2).
function attributes(line) {
  const out = {};
  for (const m of line.slice(line.indexOf(':') + 1).matchAll(/([A-Z0-9-]+)=("[^"]*"|[^,]*)/g)) {
    out[m[1]] = m[2].replace(/^"|"$/g, '');
  }
  return out;
}

function master({ text, url }) {
  const out = { codecs: [], video: null, audio: null };
  const lines = text.split('\n');
  lines.forEach((line, i) => {
    if (line.startsWith('#EXT-X-MEDIA:')) {
      const a = attributes(line);
      if (a.URI && (!out.audio || a.DEFAULT === 'YES')) out.audio = new URL(a.URI, url);
    } else if (line.startsWith('#EXT-X-STREAM-INF:')) {
      out.codecs = (attributes(line).CODECS || '').split(',').map((c) => c.trim());
      out.video = new URL(lines[i + 1], url);
    }
  });
  return out;
}

// pieces lists what a media playlist offers, oldest first: whole segments, and
// parts where it still names them.
function pieces({ text, url }) {
  const out = { init: null, list: [], next: null };
  let number = 0, part = 0, parts = [], gap = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) number = Number(line.split(':')[1]);
    else if (line.startsWith('#EXT-X-MAP:')) out.init = new URL(attributes(line).URI, url);
    else if (line.startsWith('#EXT-X-GAP')) gap = true;
    else if (line.startsWith('#EXT-X-PART:')) {
      const a = attributes(line);
      parts.push({ number, part: part++, key: a.INDEPENDENT === 'YES', url: new URL(a.URI, url) });
    } else if (line && !line.startsWith('#')) {
      if (!gap) out.list.push({ number, parts, key: true, url: new URL(line, url) });
      number++; part = 0; parts = []; gap = false;
    }
  }
  out.tail = parts;
  out.next = { msn: number, part };
  out.blocking = text.includes('CAN-BLOCK-RELOAD=YES');
  return out;
}

// follow appends what a media playlist names to a source buffer, for ever.
async function follow(playlist, buffer) {
  let init = '', at = null;
  const append = async (bytes) => {
    const done = new Promise((ok, bad) => {
      buffer.addEventListener('updateend', ok, { once: true });
      buffer.addEventListener('error', () => bad(new Error('the browser cannot play this stream')), { once: true });
    });
    buffer.appendBuffer(bytes);
    await done;
  };
  for (let wanted = null; ;) {
    const url = new URL(playlist);
    if (wanted) {
      url.searchParams.set('_HLS_msn', wanted.msn);
      url.searchParams.set('_HLS_part', wanted.part);
    }
    const p = pieces(await load(url, 'text'));
    if (p.init.href !== init) {
      init = p.init.href;
      await append(await load(p.init));
    }
    if (!at) { // begin with the newest whole segment
      const last = p.list[p.list.length - 1];
      at = { number: last.number, part: 0 };
    }
    for (const segment of p.list) {
      if (segment.number < at.number) continue;
      if (at.part === 0) await append(await load(segment.url));
      else for (const part of segment.parts.slice(at.part)) await append(await load(part.url));
      at = { number: segment.number + 1, part: 0 };
    }
    for (const part of p.tail.slice(at.part)) {
      await append(await load(part.url));
      at = { number: part.number, part: part.part + 1 };
    }
    const end = buffer.buffered.length ? buffer.buffered.start(0) : 0;
    if (video.currentTime - end > BEHIND) {
      const done = new Promise((ok) => buffer.addEventListener('updateend', ok, { once: true }));
      buffer.remove(0, video.currentTime - BEHIND / 2);
      await done;
    }
    if (p.blocking) wanted = p.next; else await pause(500);
  }
}

function stayLive() {
  const b = video.buffered;
  if (!b.length) return;
  const newest = b.end(b.length - 1);
  if (video.currentTime < b.start(b.length - 1) || newest - video.currentTime > LAG) {
    video.currentTime = Math.max(b.start(b.length - 1), newest - 1);
  }
}

async function playMSE(index) {
  const m = master(await load(index, 'text'));
  const isVideo = (c) => /^(avc|hvc|hev|av01|vp09)/.test(c);
  const groups = [[m.video, m.audio ? m.codecs.filter(isVideo) : m.codecs]];
  if (m.audio) groups.push([m.audio, m.codecs.filter((c) => !isVideo(c))]);
  const source = new MediaSource();
  const open = new Promise((done) => source.addEventListener('sourceopen', done, { once: true }));
  video.src = URL.createObjectURL(source);
  await open;
  const jobs = groups.map(([url, codecs]) => {
    const type = `${codecs.some(isVideo) ? 'video' : 'audio'}/mp4; codecs="${codecs.join(',')}"`;
    if (!MediaSource.isTypeSupported(type)) throw new Error(`this browser cannot play ${codecs.join(', ')}`);
    return [url, source.addSourceBuffer(type)];
  });
  const timer = setInterval(stayLive, 500);
  say('');
  try {
    await Promise.all(jobs.map(([url, buffer]) => follow(url, buffer)));
  } finally {
    clearInterval(timer);
  }
}

async function main() {
  const index = new URL('index.m3u8' + location.search, location.href);
  if (!('MediaSource' in window)) {
    video.src = index;
    return;
  }
  for (;;) {
    try {
      await playMSE(index);
    } catch (error) {
      say(`${error.message}. Trying again.`);
    }
    await pause(2000);
  }
}

main();
