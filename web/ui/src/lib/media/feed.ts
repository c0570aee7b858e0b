/**
 * Brings one stream to one <video>, over one transport. A Feed starts once and closes once; who
 * decides what to try and when to try again is the Player.
 */
import type { ErrorData, FragLoadedData } from 'hls.js';
import { ApiError, pathOf } from '$lib/api/client';
import { t } from '$lib/strings';
import { MediaPeer } from './peer';
import { mediaSource } from './plan';
import { answers } from './sdp';
import { entriesOf, figures, inbound, type Figures, type InboundSample } from './stats';

/** Why a feed ended. gone: the stream is not there; refused: the person may not see it. */
export interface FeedEnd {
  kind: 'gone' | 'refused' | 'failed';
  reason: string;
}

export interface Feed {
  /** Resolves once pictures move. */
  start(video: HTMLVideoElement): Promise<void>;
  figures(): Promise<Figures>;
  /** False when the server leaves the sound out; null when that is not known. */
  readonly sound: boolean | null;
  close(): void;
}

/** No picture within this time means that this transport does not work (ms). */
const firstPicture = 10_000;
/** WebRTC may be without packets this long before it counts as lost (ms). */
const stall = 6_000;

export function endOf(e: unknown): FeedEnd {
  if (e instanceof ApiError) {
    if (e.status === 404) return { kind: 'gone', reason: e.message };
    if (e.status === 401 || e.status === 403) return { kind: 'refused', reason: e.message };
    return { kind: 'failed', reason: e.message };
  }
  if (e instanceof DOMException && e.name === 'TimeoutError') return { kind: 'failed', reason: t.play.noAnswer };
  return { kind: 'failed', reason: e instanceof Error && e.message ? e.message : t.errors.unreachable };
}

/** Waits for the first picture (or, without one, sound) in video. */
function moving(video: HTMLVideoElement, signal: AbortSignal, why: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(new Error(why)), firstPicture);
    const ready = () => finish();
    const aborted = () => finish(new Error(t.play.closed));
    const finish = (error?: Error) => {
      clearTimeout(timer);
      video.removeEventListener('loadeddata', ready);
      signal.removeEventListener('abort', aborted);
      if (error) reject(error);
      else resolve();
    };
    video.addEventListener('loadeddata', ready);
    signal.addEventListener('abort', aborted);
    if (video.readyState >= 2) ready();
  });
}

export class WhepFeed implements Feed {
  sound: boolean | null = null;
  #peer: MediaPeer;
  #video: HTMLVideoElement | null = null;
  #onEnd: (end: FeedEnd) => void;
  #abort = new AbortController();
  #before: InboundSample | null = null;
  #lastBytes = 0;
  #lastArrival = 0;
  #ended = false;

  constructor(name: string, onEnd: (end: FeedEnd) => void) {
    this.#peer = new MediaPeer(`/rtc/${pathOf(name)}/whep`);
    this.#onEnd = onEnd;
  }

  async start(video: HTMLVideoElement): Promise<void> {
    const { pc } = this.#peer;
    this.#video = video;
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    const media = new MediaStream();
    video.srcObject = media;
    pc.ontrack = (event) => media.addTrack(event.track);
    this.#peer.onLost = (cause) => this.#end({ kind: 'failed', reason: cause === 'server' ? t.play.closedByServer : t.play.iceFailed });
    await this.#peer.connect();
    this.sound = answers(this.#peer.answer, 'audio');
    await moving(video, this.#abort.signal, t.play.noPicture('webrtc'));
    this.#lastArrival = performance.now();
  }

  async figures(): Promise<Figures> {
    const now = inbound(await entriesOf(this.#peer.pc));
    const result = figures(this.#before, now);
    this.#before = now;
    if (now.bytes !== this.#lastBytes) {
      this.#lastBytes = now.bytes;
      this.#lastArrival = performance.now();
    } else if (this.#lastArrival > 0 && performance.now() - this.#lastArrival > stall) {
      this.#end({ kind: 'failed', reason: t.play.stalled });
    }
    return result;
  }

  #end(end: FeedEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#abort.abort();
    this.#onEnd(end);
  }

  close(): void {
    this.#ended = true;
    this.#abort.abort();
    this.#peer.close();
    if (this.#video?.srcObject) this.#video.srcObject = null;
  }
}

/** The server's own sentence out of the request that hls.js made, or ''. */
function detailOf(request: unknown): string {
  if (!(request instanceof XMLHttpRequest) || request.responseType === 'arraybuffer') return '';
  try {
    const { detail, title } = JSON.parse(request.responseText) as { detail?: unknown; title?: unknown };
    return String(detail || title || '');
  } catch {
    return '';
  }
}

export class HlsFeed implements Feed {
  readonly sound = null;
  #url: string;
  #onEnd: (end: FeedEnd) => void;
  #abort = new AbortController();
  #hls: import('hls.js').default | null = null;
  #video: HTMLVideoElement | null = null;
  #loaded: { at: number; bytes: number }[] = [];
  #frames = { at: 0, count: 0 };
  #ended = false;

  constructor(name: string, onEnd: (end: FeedEnd) => void) {
    this.#url = `/hls/${pathOf(name)}/index.m3u8`;
    this.#onEnd = onEnd;
  }

  async start(video: HTMLVideoElement): Promise<void> {
    this.#video = video;
    if (mediaSource()) await this.#startHlsJs(video);
    else video.src = this.#url;
    video.addEventListener('error', this.#nativeError);
    await moving(video, this.#abort.signal, t.play.noPicture('hls'));
  }

  async #startHlsJs(video: HTMLVideoElement): Promise<void> {
    const { default: Hls } = await import('hls.js').catch(() => {
      throw new Error(t.errors.unreachable);
    });
    if (this.#abort.signal.aborted) return;
    // No worker: it would have to come from a blob, which the page's policy forbids; fragmented
    // MP4 needs next to no work before it is handed to the browser.
    const hls = new Hls({ enableWorker: false, lowLatencyMode: true, backBufferLength: 30, maxLiveSyncPlaybackRate: 1.2 });
    this.#hls = hls;
    hls.on(Hls.Events.FRAG_LOADED, (_: unknown, data: FragLoadedData) => this.#count(data));
    hls.on(Hls.Events.ERROR, (_: unknown, data: ErrorData) => {
      if (!data.fatal) return;
      const status = data.response?.code ?? 0;
      const said = detailOf(data.networkDetails);
      if (status === 404 || status === 410) this.#end({ kind: 'gone', reason: said || t.play.ended });
      else if (status === 401 || status === 403) this.#end({ kind: 'refused', reason: said || t.errors.status(status) });
      else this.#end({ kind: 'failed', reason: said || t.play.hlsFailed(data.details) });
    });
    hls.loadSource(this.#url);
    hls.attachMedia(video);
  }

  #count(data: FragLoadedData): void {
    const bytes = data.part?.stats.total || data.frag.stats.total || data.payload?.byteLength || 0;
    this.#loaded.push({ at: performance.now(), bytes });
    if (this.#loaded.length > 200) this.#loaded.shift();
  }

  #nativeError = () => {
    if (!this.#hls) this.#end({ kind: 'failed', reason: this.#video?.error?.message || t.play.noPicture('hls') });
  };

  async figures(): Promise<Figures> {
    const now = performance.now();
    const recent = this.#loaded.filter((l) => now - l.at < 10_000);
    const span = recent.length > 1 ? (now - recent[0]!.at) / 1000 : 0;
    const count = this.#video?.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
    const seconds = this.#frames.at > 0 ? (now - this.#frames.at) / 1000 : 0;
    const fps = seconds > 0 ? Math.max(0, count - this.#frames.count) / seconds : 0;
    this.#frames = { at: now, count };
    return {
      bitrate: span > 0 ? (recent.reduce((sum, l) => sum + l.bytes, 0) * 8) / span : 0,
      latency: (this.#hls?.latency ?? 0) * 1000,
      width: this.#video?.videoWidth ?? 0,
      height: this.#video?.videoHeight ?? 0,
      loss: 0,
      lost: 0,
      fps,
    };
  }

  #end(end: FeedEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#abort.abort();
    this.#onEnd(end);
  }

  close(): void {
    this.#ended = true;
    this.#abort.abort();
    this.#hls?.destroy();
    this.#hls = null;
    const video = this.#video;
    if (!video) return;
    video.removeEventListener('error', this.#nativeError);
    video.removeAttribute('src');
    video.load();
  }
}
