/** Sends camera, microphone or screen of this device to the server through WHIP. */
import { ApiError, pathOf, sentence } from '$lib/api/client';
import { backoff } from '$lib/api/events';
import { t } from '$lib/strings';
import { MediaPeer } from './peer';
import { withStartBitrate } from './sdp';
import { entriesOf, outbound, sending, type OutboundSample } from './stats';

export type PublishState =
  | { kind: 'idle' }
  | { kind: 'starting' }
  | { kind: 'live'; since: number }
  | { kind: 'waiting'; retryAt: number; reason: string };

export type VideoSource = 'camera' | 'screen' | 'none';
export type Facing = 'user' | 'environment';
export type Codec = 'H264' | 'VP8';

export interface CaptureWish {
  source: VideoSource;
  microphone: boolean;
  /** Lines: 360, 720, 1080. */
  height: number;
  facing: Facing;
  cameraId: string;
  microphoneId: string;
}

/** Sending figures: bits and frames per second, share lost, round trip in ms, and what holds it back. */
export interface UpFigures {
  bitrate: number;
  fps: number;
  width: number;
  height: number;
  loss: number;
  rtt: number;
  limit: OutboundSample['limit'];
  codec: string;
}

/** Opens what was wished for. The caller owns the stream and stops its tracks. */
export async function capture(wish: CaptureWish): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new Error(t.publish.insecure);
  const microphone: MediaTrackConstraints | boolean = wish.microphone
    ? { echoCancellation: wish.source !== 'screen', ...(wish.microphoneId ? { deviceId: wish.microphoneId } : {}) }
    : false;
  const width = Math.round((wish.height * 16) / 9);
  const size = { width: { ideal: width }, height: { ideal: wish.height }, frameRate: { ideal: 30 } };
  try {
    if (wish.source === 'camera')
      return await navigator.mediaDevices.getUserMedia({
        audio: microphone,
        video: { ...size, ...(wish.cameraId ? { deviceId: { exact: wish.cameraId } } : { facingMode: wish.facing }) },
      });
    if (wish.source === 'none') return await navigator.mediaDevices.getUserMedia({ audio: microphone });
    const screen = await navigator.mediaDevices.getDisplayMedia({ video: size, audio: true });
    if (microphone && screen.getAudioTracks().length === 0) {
      const voice = await navigator.mediaDevices.getUserMedia({ audio: microphone });
      for (const track of voice.getAudioTracks()) screen.addTrack(track);
    }
    return screen;
  } catch (e) {
    throw new Error(captureFault(e));
  }
}

/** Words for what getUserMedia throws. */
export function captureFault(e: unknown): string {
  const name = e instanceof Error ? e.name : '';
  if (name === 'NotAllowedError') return t.publish.denied;
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return t.publish.noDevice;
  if (name === 'NotReadableError' || name === 'AbortError') return t.publish.busy;
  return sentence(e);
}

/** Puts the preferred codec first and leaves the others as they are. */
export function orderCodecs<C extends { mimeType: string }>(codecs: C[], first: string): C[] {
  const wanted = `video/${first}`.toLowerCase();
  return [...codecs.filter((c) => c.mimeType.toLowerCase() === wanted), ...codecs.filter((c) => c.mimeType.toLowerCase() !== wanted)];
}

/** How long after the server ended a session it is asked whether the server itself is still there (ms). */
const verdictDelay = 1_500;

/** Encoders begin low and feel their way up; this much of the limit, in bits per second, is a fair start. */
const fairStart = (limit: number) => Math.min(1_200_000, limit / 2);

export class Publisher {
  state = $state<PublishState>({ kind: 'idle' });
  figures = $state<UpFigures | null>(null);
  /** Why it ended by itself, or ''. */
  error = $state('');

  #peer: MediaPeer | null = null;
  #job: { name: string; media: MediaStream; codec: Codec; bitrate: number } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #meter: ReturnType<typeof setInterval> | undefined;
  #before: OutboundSample | null = null;
  #attempt = 0;
  #wake: WakeLockSentinel | null = null;
  #serverUp: () => boolean;

  /** serverUp tells whether the server is known to be there, by other means than this session. */
  constructor(serverUp: () => boolean = () => false) {
    this.#serverUp = serverUp;
  }

  /** Publishes media under name; bitrate is the most video may take, in bits per second. */
  async start(name: string, media: MediaStream, codec: Codec, bitrate: number): Promise<void> {
    this.stop();
    this.#job = { name, media, codec, bitrate };
    this.error = '';
    document.addEventListener('visibilitychange', this.#keepAwake);
    this.#keepAwake();
    await this.#connect();
  }

  stop(): void {
    this.#job = null;
    this.#attempt = 0;
    this.#drop();
    this.state = { kind: 'idle' };
    document.removeEventListener('visibilitychange', this.#keepAwake);
    void this.#wake?.release().catch(() => undefined);
    this.#wake = null;
  }

  /** Changes camera or microphone without a break; media must have the same kinds of tracks. */
  async replace(media: MediaStream): Promise<void> {
    if (!this.#job || !this.#peer) return;
    this.#job.media = media;
    for (const sender of this.#peer.pc.getSenders()) {
      const track = media.getTracks().find((candidate) => candidate.kind === sender.track?.kind);
      if (track) await sender.replaceTrack(track);
    }
  }

  #drop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#meter);
    this.#peer?.close();
    this.#peer = null;
    this.#before = null;
    this.figures = null;
  }

  async #connect(): Promise<void> {
    const job = this.#job;
    if (!job) return;
    this.#drop();
    this.state = { kind: 'starting' };
    const peer = new MediaPeer(`/rtc/${pathOf(job.name)}/whip`);
    this.#peer = peer;
    try {
      for (const track of job.media.getTracks()) await this.#add(peer.pc, track, job.media, job.codec, job.bitrate);
      peer.onConnected = () => peer === this.#peer && this.#connected(peer);
      peer.onLost = (cause) => {
        if (peer !== this.#peer) return;
        if (cause === 'server') this.#ended();
        else this.#again(t.play.iceFailed);
      };
      const start = fairStart(job.bitrate);
      peer.tuneAnswer = (sdp) => withStartBitrate(sdp, start);
      await peer.connect();
    } catch (e) {
      if (peer === this.#peer) this.#refused(e);
    }
  }

  async #add(pc: RTCPeerConnection, track: MediaStreamTrack, media: MediaStream, codec: Codec, bitrate: number): Promise<void> {
    if (track.kind !== 'video') {
      pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
      return;
    }
    const transceiver = pc.addTransceiver(track, {
      direction: 'sendonly',
      streams: [media],
      sendEncodings: [{ maxBitrate: bitrate }],
    });
    const codecs = RTCRtpSender.getCapabilities?.('video')?.codecs;
    if (codecs) transceiver.setCodecPreferences?.(orderCodecs(codecs, codec));
  }

  #connected(peer: MediaPeer): void {
    if (this.state.kind === 'live') return;
    this.#attempt = 0;
    this.state = { kind: 'live', since: Date.now() };
    this.#meter = setInterval(() => void this.#measure(peer), 1000);
  }

  async #measure(peer: MediaPeer): Promise<void> {
    const now = outbound(await entriesOf(peer.pc));
    if (peer !== this.#peer) return;
    const { bitrate, fps } = sending(this.#before, now);
    this.#before = now;
    this.figures = { bitrate, fps, width: now.width, height: now.height, loss: now.loss, rtt: now.rtt * 1000, limit: now.limit, codec: now.codec };
  }

  /** A refusal that will not change by itself ends it; anything else is tried again. */
  #refused(e: unknown): void {
    if (e instanceof ApiError && e.status >= 400 && e.status < 500 && e.status !== 429 && e.status !== 408) {
      this.stop();
      this.error = e.message;
      return;
    }
    this.#again(e instanceof DOMException && e.name === 'TimeoutError' ? t.play.noAnswer : sentence(e));
  }

  /** A server that goes down is waited for; one that stays up has ended this on purpose. */
  #ended(): void {
    this.#drop();
    this.state = { kind: 'waiting', retryAt: Date.now() + verdictDelay, reason: t.play.closedByServer };
    this.#timer = setTimeout(() => {
      if (!this.#serverUp()) {
        void this.#connect();
        return;
      }
      this.stop();
      this.error = t.publish.endedByServer;
    }, verdictDelay);
  }

  #again(reason: string): void {
    this.#drop();
    const wait = backoff(this.#attempt++);
    this.state = { kind: 'waiting', retryAt: Date.now() + wait, reason };
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }

  /** A phone that sleeps stops its camera: keep the screen on while live and visible. */
  #keepAwake = () => {
    if (!this.#job || document.hidden || !('wakeLock' in navigator)) return;
    navigator.wakeLock
      .request('screen')
      .then((lock) => {
        if (this.#job) this.#wake = lock;
        else void lock.release();
      })
      .catch(() => undefined);
  };
}
