/**
 * Decides how a stream can be played in this browser, and says in words why not otherwise. Pure:
 * what the browser can do is an argument.
 */
import { t } from '$lib/strings';
import type { Track } from '$lib/api/types';

export type Transport = 'webrtc' | 'hls';
export type Preference = 'auto' | Transport;

/** What this browser can receive and decode. */
export interface Abilities {
  /** Codec names ("H264") that it takes over WebRTC; empty: no WebRTC. */
  webrtc: ReadonlySet<string>;
  /** The same through HLS. */
  hls: ReadonlySet<string>;
}

export interface Plan {
  /** In the order to try. Empty: nothing can play, and why says it. */
  transports: Transport[];
  /** Why the first choice is not WebRTC, or why nothing works; empty when all is well. */
  why: string;
}

/** Reason why tracks cannot go over transport to this browser, or '' when they can. */
export function obstacle(tracks: Track[], transport: Transport, can: Abilities): string {
  const video = tracks.find((track) => track.kind === 'video');
  const audio = tracks.find((track) => track.kind === 'audio');
  const codecs = can[transport];
  if (codecs.size === 0) return t.play.noTransport(transport);
  if (video) {
    if (!codecs.has(video.codec)) return t.play.cannotDecode(video.codec, transport);
    if (transport === 'webrtc' && video.reordered) return t.play.bFrames;
    return '';
  }
  if (audio && !codecs.has(audio.codec)) return t.play.cannotDecode(audio.codec, transport);
  return video || audio ? '' : t.play.nothingToPlay;
}

/** Sound that a transport would leave out although the picture plays, as a sentence; else ''. */
export function silentBecause(tracks: Track[], transport: Transport, can: Abilities): string {
  const audio = tracks.find((track) => track.kind === 'audio');
  if (!audio || !tracks.some((track) => track.kind === 'video')) return '';
  return can[transport].has(audio.codec) ? '' : t.play.noSound(audio.codec, transport);
}

export function plan(tracks: Track[], preference: Preference, can: Abilities): Plan {
  const order: Transport[] = preference === 'hls' ? ['hls', 'webrtc'] : ['webrtc', 'hls'];
  const obstacles = order.map((transport) => obstacle(tracks, transport, can));
  const transports = order.filter((_, i) => obstacles[i] === '');
  if (transports.length === 0) return { transports, why: [...new Set(obstacles)].join(' ') };
  const first = obstacles[0] ?? '';
  return { transports, why: first };
}

/** Codec strings for MediaSource, in the plainest profile that cameras use. */
const mseTypes: Record<string, string[]> = {
  H264: ['video/mp4; codecs="avc1.640028"'],
  H265: ['video/mp4; codecs="hvc1.1.6.L93.B0"', 'video/mp4; codecs="hev1.1.6.L93.B0"'],
  VP9: ['video/mp4; codecs="vp09.00.10.08"'],
  AV1: ['video/mp4; codecs="av01.0.04M.08"'],
  AAC: ['audio/mp4; codecs="mp4a.40.2"'],
  Opus: ['audio/mp4; codecs="opus"'],
};

/** Asks this browser. */
export function abilities(): Abilities {
  const webrtc = new Set<string>();
  if (typeof RTCRtpReceiver !== 'undefined' && typeof RTCPeerConnection !== 'undefined') {
    const mimes = [...(RTCRtpReceiver.getCapabilities?.('video')?.codecs ?? []), ...(RTCRtpReceiver.getCapabilities?.('audio')?.codecs ?? [])].map(
      (c) => c.mimeType.toLowerCase(),
    );
    const names: Record<string, string> = {
      'video/h264': 'H264',
      'video/h265': 'H265',
      'video/vp8': 'VP8',
      'video/vp9': 'VP9',
      'video/av1': 'AV1',
      'audio/opus': 'Opus',
      'audio/g722': 'G722',
      'audio/pcmu': 'G711',
      'audio/pcma': 'G711',
    };
    for (const mime of mimes) if (names[mime]) webrtc.add(names[mime]);
  }
  const hls = new Set<string>();
  const source = mediaSource();
  const probe = document.createElement('video');
  const native = probe.canPlayType('application/vnd.apple.mpegurl') !== '';
  for (const [codec, types] of Object.entries(mseTypes)) {
    if (types.some((type) => source?.isTypeSupported(type) || (native && probe.canPlayType(type) !== ''))) hls.add(codec);
  }
  return { webrtc, hls };
}

/** MediaSource, or the managed one of iPhones. */
export function mediaSource(): typeof MediaSource | undefined {
  const w = window as unknown as { ManagedMediaSource?: typeof MediaSource; MediaSource?: typeof MediaSource };
  return w.ManagedMediaSource ?? w.MediaSource;
}
