/**
 * The media of one participant: one peer connection whose offers are all made here. It receives
 * voices in slots that the server fills with whoever speaks, and pictures in slots that this side
 * gives to tracks.
 */
import type { Place, VideoSource } from './protocol';
import type { Signal } from './signal';

/** What one resolution of a camera is sent with: q, h and f are a quarter, a half and the full size. */
const layers: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

/** Bits per second of a screen. */
const screenBitrate = 2_500_000;

/** The most pictures that are received at one time. */
export const maxPictures = 25;

/** How long the path may be interrupted before it is looked for anew (ms). */
const patience = 1_500;

export interface Wish {
  track: string;
  width: number;
  height: number;
}

export class RoomMedia {
  readonly pc: RTCPeerConnection;
  /** Called when a picture slot begins to carry a track, with the stream to show. */
  onPicture: (track: string, stream: MediaStream) => void = () => {};
  /** The streams of all voices, which have to be played. */
  readonly voices: MediaStream[] = [];
  onState: (state: RTCPeerConnectionState) => void = () => {};

  #signal: Signal;
  #microphone: RTCRtpTransceiver;
  #camera: RTCRtpTransceiver | null = null;
  #screen: RTCRtpTransceiver | null = null;
  #pictures: { transceiver: RTCRtpTransceiver; track: string }[] = [];
  #wanted: Wish[] = [];
  #showing: Promise<void> | null = null;
  #busy: Promise<void> = Promise.resolve();
  #closed = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  /** places: how many pictures the first offer makes room for. */
  constructor(signal: Signal, iceServers: RTCIceServer[], voices: number, places: number, policy: RTCIceTransportPolicy = 'all') {
    this.#signal = signal;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers, iceTransportPolicy: policy });
    this.pc.onconnectionstatechange = () => this.#moved();
    this.#microphone = this.pc.addTransceiver('audio', { direction: 'sendonly' });
    for (let i = 0; i < voices; i++) this.voices.push(new MediaStream([this.pc.addTransceiver('audio', { direction: 'recvonly' }).receiver.track]));
    for (let i = 0; i < Math.min(places, maxPictures); i++) this.#place();
  }

  #moved(): void {
    const state = this.pc.connectionState;
    this.onState(state);
    clearTimeout(this.#patience);
    if (state === 'disconnected') this.#patience = setTimeout(() => void this.restart(), patience);
    else if (state === 'failed') void this.restart();
  }

  /** Looks for another path to the server, after the network has changed. */
  async restart(): Promise<void> {
    // What relays were opened with is good for an hour.
    const fresh = await this.#signal.ask<{ iceServers: RTCIceServer[] }>('ice').catch(() => null);
    if (this.#closed) return;
    if (fresh) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: fresh.iceServers });
    this.pc.restartIce();
    return this.negotiate();
  }

  /** Makes an offer of what there is now; one at a time. */
  negotiate(): Promise<void> {
    const next = this.#busy.then(() => this.#negotiate());
    this.#busy = next.catch(() => {});
    return next;
  }

  async #negotiate(): Promise<void> {
    if (this.#closed) return;
    await this.pc.setLocalDescription(await this.pc.createOffer());
    await this.#gathered();
    const sources: Record<string, VideoSource> = {};
    if (this.#camera?.mid && this.#camera.sender.track) sources[this.#camera.mid] = 'camera';
    if (this.#screen?.mid && this.#screen.sender.track) sources[this.#screen.mid] = 'screen';
    const answer = await this.#signal.ask<{ sdp: string }>('offer', { sdp: this.pc.localDescription!.sdp, sources });
    if (this.#closed) return;
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
  }

  /**
   * The server's addresses are in its answer and it answers whoever knocks, so candidates of this
   * side are only of use where a relay has to be opened first.
   */
  async #gathered(): Promise<void> {
    if (this.pc.getConfiguration().iceTransportPolicy !== 'relay' || this.pc.iceGatheringState === 'complete') return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, 3000);
      this.pc.addEventListener('icegatheringstatechange', () => {
        if (this.pc.iceGatheringState !== 'complete') return;
        clearTimeout(timer);
        done();
      });
    });
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.#microphone.sender.replaceTrack(track);
  }

  /** Before the first offer the camera is only put in its place; the offer tells of it. */
  async setCamera(track: MediaStreamTrack | null): Promise<void> {
    if (this.#camera) {
      await this.#camera.sender.replaceTrack(track);
    } else if (track) {
      this.#camera = this.pc.addTransceiver(track, { direction: 'sendonly', sendEncodings: layers.map((l) => ({ ...l })) });
      preferVP8(this.#camera);
    } else return;
    if (this.pc.localDescription) await this.negotiate();
  }

  async setScreen(track: MediaStreamTrack | null): Promise<void> {
    if (track && 'contentHint' in track) track.contentHint = 'detail';
    if (this.#screen) {
      await this.#screen.sender.replaceTrack(track);
    } else if (track) {
      this.#screen = this.pc.addTransceiver(track, { direction: 'sendonly', sendEncodings: [{ maxBitrate: screenBitrate }] });
      preferVP8(this.#screen);
    } else return;
    if (this.pc.localDescription) await this.negotiate();
  }

  /** Makes places for pictures, so that the first offer has them already. */
  #place(): { transceiver: RTCRtpTransceiver; track: string } {
    const slot = { transceiver: this.pc.addTransceiver('video', { direction: 'recvonly' }), track: '' };
    preferVP8(slot.transceiver, RTCRtpReceiver.getCapabilities?.('video'));
    this.#pictures.push(slot);
    return slot;
  }

  /** Says which tracks are looked at, and how large they are on the screen (pixels). The newest wish counts. */
  show(wishes: Wish[]): Promise<void> {
    this.#wanted = wishes.slice(0, maxPictures);
    this.#showing ??= this.#show().finally(() => (this.#showing = null));
    return this.#showing;
  }

  async #show(): Promise<void> {
    for (let done: Wish[] | null = null; done !== this.#wanted && !this.#closed; ) {
      const wanted = (done = this.#wanted);
      let grown = this.#give(wanted);
      // Of the first offer the places are part.
      if (!this.pc.localDescription) grown = false;
      if (grown) await this.negotiate();
      else await this.#busy;
      if (this.#closed || wanted !== this.#wanted) continue;
      const places: Place[] = [];
      for (const p of this.#pictures) {
        const w = wanted.find((x) => x.track === p.track);
        if (w && p.transceiver.mid) places.push({ mid: p.transceiver.mid, track: w.track, width: Math.round(w.width), height: Math.round(w.height) });
      }
      await this.#signal.ask('show', { places });
    }
  }

  /** Gives each wanted track a place. True when there are new places, which have to be offered. */
  #give(wanted: Wish[]): boolean {
    for (const p of this.#pictures) if (!wanted.some((w) => w.track === p.track)) p.track = '';
    let grown = false;
    for (const w of wanted) {
      if (this.#pictures.some((p) => p.track === w.track)) continue;
      let slot = this.#pictures.find((p) => p.track === '');
      if (!slot) {
        slot = this.#place();
        grown = true;
      }
      slot.track = w.track;
      this.onPicture(w.track, new MediaStream([slot.transceiver.receiver.track]));
    }
    return grown;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#patience);
    this.pc.close();
  }
}

/** VP8 goes in layers from every browser, and everybody can show it. */
function preferVP8(t: RTCRtpTransceiver, can: RTCRtpCapabilities | null | undefined = RTCRtpSender.getCapabilities?.('video')): void {
  const all = can?.codecs ?? [];
  const first = all.filter((c) => c.mimeType.toLowerCase() === 'video/vp8');
  const rest = all.filter((c) => /^video\/(rtx|h264)$/i.test(c.mimeType));
  if (first.length > 0) t.setCodecPreferences?.([...first, ...rest]);
}
