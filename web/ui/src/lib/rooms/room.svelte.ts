/** A room one is in: who is there, what is seen and heard, and what one sends. */
import { SvelteMap } from 'svelte/reactivity';
import { captureFault } from '$lib/media/publisher.svelte';
import { RoomMedia, type Wish } from './media';
import { RoomError, type ChatMessage, type Ended, type Joined, type Layout, type Member, type Role, type RoomView, type Speakers, type Track } from './protocol';
import { Signal } from './signal';

export type Phase =
  | { kind: 'out' }
  | { kind: 'joining' }
  | { kind: 'waiting' }
  | { kind: 'in' }
  | { kind: 'ended'; code: string; reason: string };

export interface Devices {
  camera: boolean;
  microphone: boolean;
  cameraId: string;
  microphoneId: string;
}

export interface JoinWish {
  room: string;
  name: string;
  pin: string;
  invitation: string;
  devices: Devices;
}

/** How the connection is, in words a person can act upon. */
export type Quality = 'good' | 'weak' | 'bad' | 'away';

const cameraSize = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } };

export class RoomSession {
  phase = $state.raw<Phase>({ kind: 'out' });
  self = $state('');
  room = $state.raw<RoomView | null>(null);
  members = new SvelteMap<string, Member>();
  tracks = new SvelteMap<string, Track>();
  speakers = $state.raw<Speakers>({ active: '', slots: [] });
  chat = $state.raw<ChatMessage[]>([]);
  unread = $state(0);
  online = $state(true);
  media = $state<RTCPeerConnectionState>('new');
  quality = $state<Quality>('good');
  muted = $state(true);
  camera = $state.raw<MediaStream | null>(null);
  screen = $state.raw<MediaStream | null>(null);
  voices = $state.raw<MediaStream[]>([]);
  pictures = new SvelteMap<string, MediaStream>();
  fault = $state('');
  /** A host asks to switch the microphone on. */
  asked = $state(false);

  me = $derived(this.members.get(this.self));
  host = $derived(this.me?.role === 'host');
  canSpeak = $derived(this.me !== undefined && this.me.role !== 'listener');

  #signal: Signal | null = null;
  #rtc: RoomMedia | null = null;
  #wish: JoinWish | null = null;
  #microphone: MediaStreamTrack | null = null;
  #joined: Joined | null = null;
  #wishes: Wish[] = [];
  #stats: ReturnType<typeof setInterval> | undefined;
  #last = { lost: 0, received: 0 };

  async join(wish: JoinWish): Promise<void> {
    this.leave();
    this.#wish = wish;
    this.fault = '';
    this.phase = { kind: 'joining' };
    const signal = new Signal();
    this.#signal = signal;
    signal.onEvent = (type, data) => this.#event(type, data);
    signal.onOnline = (online) => (this.online = online);
    signal.onLost = () => void this.#rejoin();
    try {
      await this.#enter();
    } catch (e) {
      this.leave();
      const error = e instanceof RoomError ? e : new RoomError('internal', String(e));
      this.phase = { kind: 'ended', code: error.code, reason: error.message };
    }
  }

  async #enter(): Promise<void> {
    const w = this.#wish!;
    this.#joined = await this.#signal!.ask<Joined>('join', { room: w.room, name: w.name, pin: w.pin, invitation: w.invitation });
  }

  /** The server has forgotten the session, such as after its restart: everything is begun anew. */
  async #rejoin(): Promise<void> {
    if (this.phase.kind !== 'in' && this.phase.kind !== 'waiting') return;
    this.#endMedia();
    this.#joined = null;
    try {
      await this.#enter();
    } catch (e) {
      const error = e instanceof RoomError ? e : new RoomError('internal', String(e));
      this.leave();
      this.phase = { kind: 'ended', code: error.code, reason: error.message };
    }
  }

  #event(type: string, data: unknown): void {
    switch (type) {
      case 'state':
        this.#begin(data as import('./protocol').RoomState);
        break;
      case 'participant': {
        const m = data as Member;
        this.members.set(m.id, m);
        if (m.id === this.self) this.#own(m);
        break;
      }
      case 'left':
        this.members.delete((data as { id: string }).id);
        break;
      case 'track':
        this.tracks.set((data as Track).id, data as Track);
        break;
      case 'untrack':
        this.tracks.delete((data as { id: string }).id);
        this.pictures.delete((data as { id: string }).id);
        break;
      case 'speakers':
        this.speakers = data as Speakers;
        break;
      case 'room':
        this.room = data as RoomView;
        break;
      case 'chat':
        this.chat = [...this.chat, data as ChatMessage].slice(-500);
        if ((data as ChatMessage).from !== this.self) this.unread++;
        break;
      case 'muted':
        if ((data as { muted: boolean }).muted) void this.#quiet();
        else this.asked = true;
        break;
      case 'media':
        this.#endMedia();
        void this.#startMedia();
        break;
      case 'ended':
        this.leave();
        this.phase = { kind: 'ended', ...(data as Ended) };
    }
  }

  #begin(state: import('./protocol').RoomState): void {
    this.self = state.self;
    this.room = state.room;
    this.members.clear();
    for (const m of state.participants) this.members.set(m.id, m);
    this.tracks.clear();
    for (const t of state.tracks) this.tracks.set(t.id, t);
    this.speakers = state.speakers;
    this.chat = state.chat;
    this.phase = state.waiting ? { kind: 'waiting' } : { kind: 'in' };
    if (!state.waiting && !this.#rtc) void this.#startMedia();
  }

  /** What a host has done to oneself. */
  #own(m: Member): void {
    if (m.role === 'listener') {
      void this.#quiet();
      if (this.camera) void this.setCamera(false);
      if (this.screen) void this.setScreen(false);
    } else if (m.muted && !this.muted) void this.#quiet();
  }

  async #startMedia(): Promise<void> {
    // The answer to join and the first state cross: both are needed.
    for (let i = 0; !this.#joined && i < 100; i++) await new Promise((done) => setTimeout(done, 10));
    if (!this.#signal || !this.#joined || this.#rtc) return;
    const rtc = new RoomMedia(this.#signal, this.#joined.iceServers, this.#joined.voices, relayOnly() ? 'relay' : 'all');
    this.#rtc = rtc;
    rtc.onState = (state) => (this.media = state);
    rtc.onPicture = (track, stream) => this.pictures.set(track, stream);
    this.voices = rtc.voices;
    try {
      await rtc.negotiate();
      if (this.#microphone) await rtc.setMicrophone(this.#microphone);
      if (this.camera) await rtc.setCamera(this.camera.getVideoTracks()[0] ?? null);
      if (this.screen) await rtc.setScreen(this.screen.getVideoTracks()[0] ?? null);
      await rtc.show(this.#wishes);
    } catch (e) {
      if (this.#rtc === rtc) this.fault = e instanceof Error ? e.message : String(e);
    }
    clearInterval(this.#stats);
    this.#stats = setInterval(() => void this.#measure(), 2000);
    const devices = this.#wish?.devices;
    if (devices && this.canSpeak) {
      if (devices.microphone && this.muted && !this.#microphone) await this.setMuted(false);
      if (devices.camera && !this.camera) await this.setCamera(true);
    }
  }

  #endMedia(): void {
    clearInterval(this.#stats);
    this.#rtc?.close();
    this.#rtc = null;
    this.pictures.clear();
    this.voices = [];
  }

  /** What is seen: tracks and the size of their tiles in pixels. */
  show(wishes: Wish[]): void {
    if (JSON.stringify(wishes) === JSON.stringify(this.#wishes)) return;
    this.#wishes = wishes;
    // A slot is given to another track: what it showed must not be seen under the old name.
    for (const id of [...this.pictures.keys()]) if (!wishes.some((w) => w.track === id)) this.pictures.delete(id);
    this.#rtc?.show(wishes).catch(() => {}); // asked again with the next change
  }

  async setMuted(muted: boolean): Promise<void> {
    this.fault = '';
    this.asked = false;
    const signal = this.#signal;
    try {
      if (!muted && !this.#microphone) {
        const id = this.#wish?.devices.microphoneId;
        const stream = await navigator.mediaDevices.getUserMedia({
          audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(id ? { deviceId: id } : {}) },
        });
        if (!signal || signal !== this.#signal) return stop(stream);
        this.#microphone = stream.getAudioTracks()[0] ?? null;
        await this.#rtc?.setMicrophone(this.#microphone);
      }
      if (this.#microphone) this.#microphone.enabled = !muted;
      await this.#signal?.ask('mute', { on: muted });
      this.muted = muted;
    } catch (e) {
      if (this.#microphone) this.#microphone.enabled = false;
      this.muted = true;
      this.fault = e instanceof RoomError ? e.message : captureFault(e);
    }
  }

  async #quiet(): Promise<void> {
    if (this.#microphone) this.#microphone.enabled = false;
    this.muted = true;
  }

  async setCamera(on: boolean): Promise<void> {
    this.fault = '';
    const before = this.camera;
    const signal = this.#signal;
    try {
      if (on) {
        const id = this.#wish?.devices.cameraId;
        const stream = await navigator.mediaDevices.getUserMedia({ video: { ...cameraSize, ...(id ? { deviceId: id } : { facingMode: 'user' }) } });
        if (!signal || signal !== this.#signal) return stop(stream);
        this.camera = stream;
      } else this.camera = null;
      await this.#rtc?.setCamera(this.camera?.getVideoTracks()[0] ?? null);
    } catch (e) {
      stop(this.camera);
      this.camera = null;
      this.fault = captureFault(e);
    }
    for (const track of before?.getTracks() ?? []) track.stop();
  }

  async setScreen(on: boolean): Promise<void> {
    this.fault = '';
    const before = this.screen;
    try {
      this.screen = on ? await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: false }) : null;
      // The browser's own "stop sharing".
      this.screen?.getVideoTracks()[0]?.addEventListener('ended', () => void this.setScreen(false));
      await this.#rtc?.setScreen(this.screen?.getVideoTracks()[0] ?? null);
    } catch (e) {
      stop(this.screen);
      this.screen = null;
      if (!(e instanceof Error && e.name === 'NotAllowedError')) this.fault = captureFault(e);
    }
    for (const track of before?.getTracks() ?? []) track.stop();
  }

  async ask(type: string, data: unknown = {}): Promise<void> {
    this.fault = '';
    try {
      await this.#signal?.ask(type, data);
    } catch (e) {
      this.fault = e instanceof Error ? e.message : String(e);
    }
  }

  setHand = (on: boolean) => this.ask('hand', { on });
  say = (text: string, to = '') => this.ask('chat', { text, to });
  muteOther = (participant: string, on: boolean) => this.ask('muteOther', { participant, on });
  admit = (participant: string, on: boolean) => this.ask('admit', { participant, on });
  kick = (participant: string) => this.ask('kick', { participant });
  setRole = (participant: string, role: Role) => this.ask('role', { participant, role });
  setLayout = (layout: Layout) => this.ask('layout', { layout });
  setLocked = (on: boolean) => this.ask('lock', { on });
  setLobby = (on: boolean) => this.ask('lobby', { on });

  /** Looks at what arrives and says how the connection is. */
  async #measure(): Promise<void> {
    const rtc = this.#rtc;
    if (!rtc) return;
    if (!this.online || this.media === 'disconnected' || this.media === 'failed') {
      this.quality = 'away';
      return;
    }
    let lost = 0;
    let received = 0;
    let rtt = 0;
    for (const s of (await rtc.pc.getStats()).values()) {
      if (s.type === 'inbound-rtp') {
        lost += Number(s.packetsLost ?? 0);
        received += Number(s.packetsReceived ?? 0);
      } else if (s.type === 'candidate-pair' && s.nominated) rtt = Math.max(rtt, Number(s.currentRoundTripTime ?? 0));
    }
    const dl = lost - this.#last.lost;
    const dr = received - this.#last.received;
    this.#last = { lost, received };
    const share = dl > 0 && dl + dr > 0 ? dl / (dl + dr) : 0;
    this.quality = share > 0.1 || rtt > 1 ? 'bad' : share > 0.03 || rtt > 0.4 ? 'weak' : 'good';
  }

  leave(): void {
    const signal = this.#signal;
    this.#signal = null;
    this.#endMedia();
    if (signal) {
      signal.onEvent = () => {};
      signal.onLost = () => {};
      signal.close();
    }
    for (const track of [...(this.camera?.getTracks() ?? []), ...(this.screen?.getTracks() ?? [])]) track.stop();
    this.#microphone?.stop();
    this.#microphone = null;
    this.#joined = null;
    this.camera = null;
    this.screen = null;
    this.muted = true;
    this.asked = false;
    this.unread = 0;
    this.media = 'new';
    this.members.clear();
    this.tracks.clear();
    this.phase = { kind: 'out' };
  }
}

/** Lets go of a camera, a microphone or a screen: its light goes out. */
function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** For trying whether a relay works: /rooms/name?relay=1. */
function relayOnly(): boolean {
  return new URLSearchParams(location.search).get('relay') === '1';
}
