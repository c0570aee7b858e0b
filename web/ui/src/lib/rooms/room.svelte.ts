/** A room one is in: who is there, what is seen and heard, and what one sends. */
import { SvelteMap } from 'svelte/reactivity';
import { Captures } from './captures.svelte';
import { deviceFault, type DeviceFault, type Devices } from './devices';
import { RoomMedia, type Wish } from './media';
import { Microphone } from './microphone';
import { RoomError, type Busy, type ChatMessage, type Ended, type Floor, type Joined, type Layout, type Member, type Move, type Role, type RoomState, type RoomView, type Speakers, type Track } from './protocol';
import { good, judge, sampleOf, type Cause, type Sample, type Verdict } from './quality';
import { replayHere } from './replay';
import { Signal } from './signal';
import { BusyTone, Sound } from './sound';
import { channelKey, gains, talkerKey } from './volumes';
import { volumes } from '$lib/state/volumes.svelte';

export type Phase =
  | { kind: 'out' }
  | { kind: 'joining' }
  | { kind: 'waiting' }
  | { kind: 'in' }
  /** from: when the room opens; retryAfter: seconds to wait. */
  | { kind: 'ended'; code: string; reason: string; from: string; retryAfter: number };

export interface JoinWish {
  room: string;
  name: string;
  pin: string;
  invitation: string;
  devices: Devices;
  /** Hears only, until it says otherwise: setListens. */
  listen?: boolean;
  /** Sound alone, until pictures are wanted: no places are made for them beforehand. */
  voiceOnly?: boolean;
  /** Devices that are open already; the room takes them over. */
  camera?: MediaStream | null;
  microphone?: MediaStreamTrack | null;
}

/** What went wrong, for words: a device, what the server answered, or the media. */
export type Fault = { kind: 'camera' | 'microphone' | 'screen'; why: DeviceFault } | { kind: 'server'; code: string; message: string } | null;

/** Pauses before media are offered anew (ms); after the last one it is up to the person. */
const pauses = [500, 2000, 5000, 10_000];

/** How often the connection is judged (ms). */
const period = 2000;

/** From this level of the microphone on one is taken to speak, and for so long after it (ms). */
const speech = 0.25;
const breath = 500;

/** Between being told to move and moving (s). */
const notice = 3;

/** The longest that a busy tone lasts, for who does not let go (ms). */
const longestTone = 30_000;

/** Messages that are kept. */
const mostChat = 500;

export class RoomSession {
  phase = $state.raw<Phase>({ kind: 'out' });
  wish = $state.raw<JoinWish | null>(null);
  self = $state('');
  room = $state.raw<RoomView | null>(null);
  members = new SvelteMap<string, Member>();
  tracks = new SvelteMap<string, Track>();
  pictures = new SvelteMap<string, MediaStream>();
  speakers = $state.raw<Speakers>({ active: '', slots: [] });
  chat = $state.raw<ChatMessage[]>([]);
  unread = $state(0);
  online = $state(true);
  media = $state<RTCPeerConnectionState>('new');
  /** Why there is neither picture nor sound, and whether it is tried again by itself. */
  mediaFault = $state.raw<{ reason: string; again: boolean } | null>(null);
  verdict = $state.raw<Verdict>(good);
  muted = $state(true);
  /** Of the own microphone, 0 to 1. */
  level = $state(0);
  /** The browser wants to be asked before it plays sound. */
  soundBlocked = $state(false);
  fault = $state.raw<Fault>(null);
  /** A host asks to switch the microphone on. */
  asked = $state(false);
  /** A host has muted this side. */
  hushed = $state(false);
  /** Whom one has called, and who does not come. */
  declined = $state('');
  /** Where one is taken, and in how many seconds. */
  move = $state.raw<Move | null>(null);
  moveIn = $state(0);
  /** What the person said about being recorded. */
  recordingSeen = $state(false);

  me = $derived(this.members.get(this.self));
  host = $derived(this.me?.role === 'host');
  /** Hears only, by its own wish. */
  listens = $derived(this.me?.listens === true);
  canSpeak = $derived(this.me !== undefined && this.me.role !== 'listener' && !this.listens);
  /** Who has the word; null where the server knows no such thing. */
  floor = $state.raw<Floor | null>(null);
  /** One at a time talks here. */
  controlled = $derived(this.floor !== null && (this.room?.floor ?? 0) > 0);
  /** Whoever else has the word. */
  holder = $derived(this.controlled && this.floor!.holder !== this.self ? (this.members.get(this.floor!.holder) ?? null) : null);
  /** Why one is not heard although one talks; '' is that one is. */
  busy = $state<'' | 'taken' | 'overridden' | 'limit'>('');
  waiting = $derived([...this.members.values()].filter((m) => m.waiting));
  present = $derived([...this.members.values()].filter((m) => !m.waiting));
  hands = $derived(this.present.filter((m) => m.hand).sort((a, b) => Date.parse(a.hand!) - Date.parse(b.hand!)));
  composite = $derived([...this.tracks.values()].find((t) => t.source === 'composite') ?? null);
  /** The connection is interrupted. */
  away = $derived(this.phase.kind === 'in' && (!this.online || this.media === 'disconnected' || this.media === 'failed'));
  /** Whether one speaks oneself, as far as the microphone says. */
  speaks = $state(false);
  /** Who is heard; streams sound all the time and are no news. */
  talking = $derived(new Set([...this.speakers.slots.filter((id) => this.#talks(id)), ...(this.speaks && !this.muted && !this.away ? [this.self] : [])]));

  #captures = new Captures({
    device: () => this.wish?.devices.cameraId ?? '',
    send: async (source, track) => (source === 'camera' ? this.#rtc?.setCamera(track) : this.#rtc?.setScreen(track)),
    onFault: (source, why, error) => (this.fault = faultOf(source, why, error)),
  });
  #signal: Signal | null = null;
  /** What was said in it in the last minutes. */
  readonly replay = replayHere(() => this.#signal?.key ?? '');
  #rtc: RoomMedia | null = null;
  #microphone: Microphone | null = null;
  #sound: Sound | null = null;
  #tone = new BusyTone();
  #deaf: (() => void) | null = null;
  #joined: Joined | null = null;
  #wishes: Wish[] = [];
  #stats: ReturnType<typeof setInterval> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #before: Sample | null = null;
  #suspicion: Cause = '';
  #spoke = 0;
  #greeted = false;
  #countdown: ReturnType<typeof setInterval> | undefined;
  /** Where one wants to go oneself. */
  #heading = '';

  #talks(id: string): boolean {
    const m = this.members.get(id);
    return m !== undefined && m.kind !== 'stream' && !m.muted;
  }

  async join(wish: JoinWish): Promise<void> {
    this.leave();
    this.wish = wish;
    this.fault = null;
    this.recordingSeen = false;
    this.#greeted = false;
    this.phase = { kind: 'joining' };
    this.#captures.take(wish.camera ?? null);
    this.#deaf = volumes.listen(() => this.#tune());
    this.#newMicrophone(wish);
    const signal = new Signal();
    this.#signal = signal;
    signal.onEvent = (type, data) => this.#event(type, data);
    signal.onOnline = (online) => (this.online = online);
    signal.onLost = () => void this.#rejoin();
    await this.#enter(false);
  }

  #newMicrophone(wish: JoinWish): void {
    const microphone = new Microphone({
      tell: async (muted) => this.#tell(muted),
      send: async (track) => this.#rtc?.setMicrophone(track),
      onMuted: (muted) => (this.muted = muted),
      onLevel: (level) => this.#hear(level),
      onGone: () => (this.fault = { kind: 'microphone', why: 'absent' }),
    });
    microphone.device = wish.devices.microphoneId;
    if (wish.microphone) microphone.take(wish.microphone);
    this.#microphone = microphone;
  }

  /** Where one at a time talks, the word is asked for with it. */
  async #tell(muted: boolean): Promise<void> {
    try {
      if (this.controlled) await this.#signal?.ask('talk', { on: !muted });
      else await this.#signal?.ask('mute', { on: muted });
      if (muted) this.#setBusy('');
    } catch (e) {
      if (!(e instanceof RoomError) || e.code !== 'busy') throw e;
      this.#setBusy('taken');
      throw e;
    }
  }

  #setBusy(why: typeof this.busy): void {
    this.busy = why;
    if (why) this.#tone.start(longestTone);
    else this.#tone.stop();
  }

  /** Who is in which slot, and how loud each is to be. */
  #tune(): void {
    const sound = this.#sound;
    if (!sound) return;
    const of = (id: string) => {
      const m = this.members.get(id);
      return m && volumes.of(talkerKey(m)) / 100;
    };
    sound.setLevels(gains(this.speakers.slots, sound.levels, of));
    sound.setVolume(volumes.of(channelKey(this.room?.name ?? '')) / 100);
  }

  turnSoundOn(): void {
    this.#sound?.resume();
  }

  #hear(level: number): void {
    this.level = level;
    const now = Date.now();
    if (level > speech) this.#spoke = now;
    this.speaks = now - this.#spoke < breath;
  }

  async #enter(again: boolean): Promise<void> {
    const w = this.wish!;
    const signal = this.#signal!;
    const wasMuted = this.muted;
    try {
      const joined = await signal.ask<Joined>('join', { room: w.room, name: w.name, pin: w.pin, invitation: w.invitation, ...(w.listen ? { listen: true } : {}) });
      if (signal !== this.#signal) return;
      this.#joined = joined;
      // Everybody enters muted; who was heard before the break is heard again.
      if (again && !wasMuted && this.canSpeak) void this.setMuted(false);
    } catch (e) {
      if (signal === this.#signal) this.#end(e);
    }
  }

  #end(e: unknown): void {
    const error = e instanceof RoomError ? e : new RoomError('internal', String(e));
    this.leave();
    this.phase = { kind: 'ended', code: error.code, reason: error.message, from: error.from, retryAfter: error.retryAfter };
  }

  /** The server has forgotten the session, such as after its restart: everything is begun anew. */
  async #rejoin(): Promise<void> {
    if (this.phase.kind !== 'in' && this.phase.kind !== 'waiting') return;
    this.#endMedia();
    this.#joined = null;
    const muted = this.muted;
    this.#microphone?.quiet();
    this.muted = muted;
    await this.#enter(true);
  }

  /** Somebody takes this side elsewhere: that is told before it is done. */
  #sent(move: Move): void {
    clearInterval(this.#countdown);
    this.move = move;
    this.moveIn = move.room === this.#heading ? 0 : notice;
    this.#heading = '';
    if (this.moveIn === 0) {
      void this.#follow();
      return;
    }
    this.#countdown = setInterval(() => {
      if (--this.moveIn === 0) void this.#follow();
    }, 1000);
  }

  /** Enters the other room as who one is: camera and microphone go along, the screen does not. */
  async #follow(): Promise<void> {
    clearInterval(this.#countdown);
    const move = this.move;
    const signal = this.#signal;
    if (!move || !signal || !this.wish) return;
    const heard = !this.muted;
    this.fault = null;
    try {
      if (this.screen) await this.setScreen(false);
      const joined = await signal.ask<Joined>('join', { room: move.room, name: this.wish.name, pass: move.pass, ...(this.wish.listen ? { listen: true } : {}) });
      if (signal !== this.#signal) return;
      this.#endMedia();
      this.#joined = joined;
      this.asked = false;
      this.hushed = false;
      this.recordingSeen = false;
      this.#microphone?.quiet();
      void this.#startMedia();
      // Everybody enters muted.
      if (heard && this.canSpeak) await this.setMuted(false);
    } catch (e) {
      if (signal === this.#signal) this.#missed(e);
    } finally {
      if (this.move === move) this.move = null;
    }
  }

  /** A pass that is void leaves one where one is, and so does a lost connection; after any other refusal one is in no room. */
  #missed(e: unknown): void {
    if (e instanceof RoomError && (e.code === 'pass' || e.code === 'offline')) this.fault = faultOf('microphone', 'unknown', e);
    else this.#end(e);
  }

  #event(type: string, data: unknown): void {
    switch (type) {
      case 'state':
        this.#begin(data as RoomState);
        break;
      case 'participant': {
        const m = data as Member;
        this.members.set(m.id, m);
        if (m.id === this.self) this.#own(m);
        this.#tune();
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
        this.#tune();
        break;
      case 'floor':
        this.floor = data as Floor;
        break;
      case 'busy':
        this.#setBusy((data as Busy).on ? ((data as Busy).reason ?? 'taken') : '');
        break;
      case 'room':
        if (!(data as RoomView).recording) this.recordingSeen = false;
        this.room = data as RoomView;
        break;
      case 'chat':
        this.chat = [...this.chat, data as ChatMessage].slice(-mostChat);
        if ((data as ChatMessage).from !== this.self) this.unread++;
        break;
      case 'muted':
        if ((data as { muted: boolean }).muted) {
          this.hushed = !this.muted;
          this.#microphone?.quiet();
        } else this.asked = true;
        break;
      case 'declined':
        this.declined = (data as { user: string }).user;
        break;
      case 'move':
        this.#sent(data as Move);
        break;
      case 'media':
        this.#mediaEnded((data as Ended).reason);
        break;
      case 'ended':
        this.#end(new RoomError((data as Ended).code, (data as Ended).reason));
    }
  }

  #begin(state: RoomState): void {
    this.self = state.self;
    this.room = state.room;
    // Another one after a move; a guest's link may lead to the room it was split from.
    if (this.wish && this.wish.room !== state.room.name) this.wish = { ...this.wish, room: state.room.name };
    this.members.clear();
    for (const m of state.participants ?? []) this.members.set(m.id, m);
    this.tracks.clear();
    for (const t of state.tracks ?? []) this.tracks.set(t.id, t);
    this.speakers = state.speakers ?? { active: '', slots: [] };
    this.chat = state.chat ?? [];
    this.floor = state.floor ?? null;
    this.phase = state.waiting ? { kind: 'waiting' } : { kind: 'in' };
    if (!state.waiting && !this.#rtc) void this.#startMedia();
  }

  /** What a host has done to oneself. */
  #own(m: Member): void {
    this.#microphone?.heard(m.muted);
    if (m.role !== 'listener' && !m.listens) return;
    this.#microphone?.quiet();
    if (this.camera) void this.setCamera(false);
    if (this.screen) void this.setScreen(false);
  }

  async #startMedia(): Promise<void> {
    // The answer to join and the first state cross: both are needed.
    for (let i = 0; !this.#joined && i < 200; i++) await new Promise((done) => setTimeout(done, 10));
    if (!this.#signal || !this.#joined || this.#rtc) return;
    clearTimeout(this.#again);
    const { iceServers, voices } = this.#joined;
    const places = this.wish?.voiceOnly ? 0 : Math.min(4, this.tracks.size);
    const rtc = new RoomMedia(this.#signal, iceServers, voices, places, relayOnly() ? 'relay' : 'all');
    this.#rtc = rtc;
    rtc.onState = (state) => this.#moved(rtc, state);
    rtc.onPicture = (track, stream) => this.pictures.set(track, stream);
    this.#sound = new Sound(rtc.voices);
    this.#sound.onBlocked = (blocked) => (this.soundBlocked = blocked);
    this.#sound.setSpeaker(this.wish?.devices.speakerId ?? '');
    this.#tune();
    try {
      if (this.#microphone?.track) await rtc.setMicrophone(this.#microphone.track);
      if (this.camera) await rtc.setCamera(this.camera.getVideoTracks()[0] ?? null);
      if (this.screen) await rtc.setScreen(this.screen.getVideoTracks()[0] ?? null);
      await rtc.negotiate();
      await rtc.show(this.#wishes);
    } catch (e) {
      if (this.#rtc === rtc) this.#mediaEnded(e instanceof RoomError && e.code === 'offline' ? '' : e instanceof Error ? e.message : String(e));
      return;
    }
    if (this.#rtc !== rtc) return;
    this.#before = null;
    clearInterval(this.#stats);
    this.#stats = setInterval(() => void this.#measure(), period);
    if (!this.#greeted) await this.#greet();
  }

  /** What was chosen before entering is done once. */
  async #greet(): Promise<void> {
    this.#greeted = true;
    const wish = this.wish;
    if (!wish || !this.canSpeak) return;
    if (wish.devices.microphone) await this.setMuted(false);
    if (wish.devices.camera && !this.camera && !this.fault) await this.setCamera(true);
  }

  #moved(rtc: RoomMedia, state: RTCPeerConnectionState): void {
    if (rtc !== this.#rtc) return;
    this.media = state;
    if (state !== 'connected') return;
    this.#attempt = 0;
    this.mediaFault = null;
  }

  /** Media have ended; they are begun anew a few times, later and later. */
  #mediaEnded(reason: string): void {
    this.#endMedia();
    const pause = pauses[this.#attempt++];
    this.mediaFault = { reason, again: pause !== undefined };
    if (pause !== undefined) this.#again = setTimeout(() => void this.#startMedia(), pause);
  }

  retryMedia(): void {
    this.#attempt = 0;
    this.mediaFault = { reason: '', again: true };
    void this.#startMedia();
  }

  #endMedia(): void {
    clearInterval(this.#stats);
    clearTimeout(this.#again);
    this.#rtc?.close();
    this.#rtc = null;
    this.media = 'new';
    this.pictures.clear();
    this.#sound?.close();
    this.#sound = null;
  }

  /** What is seen: tracks and the size of their tiles in pixels. */
  show(wishes: Wish[]): void {
    if (JSON.stringify(wishes) === JSON.stringify(this.#wishes)) return;
    this.#wishes = wishes;
    // A slot is given to another track: what it showed must not be seen under the old name.
    for (const id of [...this.pictures.keys()]) if (!wishes.some((w) => w.track === id)) this.pictures.delete(id);
    this.#rtc?.show(wishes).catch(() => {}); // asked again with the next change
  }

  /** Hears only from now on, or is again what its role lets it. False when the server did not do it. */
  async setListens(on: boolean): Promise<boolean> {
    if (!this.wish) return false;
    if (on) {
      this.#microphone?.quiet();
      if (this.camera) await this.setCamera(false);
      if (this.screen) await this.setScreen(false);
    }
    // Also for joining anew, after the server was away.
    this.wish = { ...this.wish, listen: on };
    return this.ask('listen', { on });
  }

  setEmergency = (on: boolean) => this.ask('emergency', { on });

  async setMuted(muted: boolean): Promise<void> {
    this.fault = null;
    this.asked = false;
    this.hushed = false;
    if (muted) this.#setBusy('');
    try {
      await this.#microphone?.set(muted);
    } catch (e) {
      if (!this.busy) this.fault = faultOf('microphone', deviceFault(e), e);
    }
  }

  get camera(): MediaStream | null {
    return this.#captures.camera;
  }

  get screen(): MediaStream | null {
    return this.#captures.screen;
  }

  async setCamera(on: boolean): Promise<void> {
    this.fault = null;
    await this.#captures.setCamera(on);
  }

  async setScreen(on: boolean): Promise<void> {
    this.fault = null;
    await this.#captures.setScreen(on);
  }

  /** Changes devices while in the room. */
  async setDevices(devices: Devices): Promise<void> {
    if (!this.wish) return;
    const before = this.wish.devices;
    this.wish = { ...this.wish, devices };
    try {
      if (devices.microphoneId !== before.microphoneId) await this.#microphone?.change(devices.microphoneId);
    } catch (e) {
      this.fault = { kind: 'microphone', why: deviceFault(e) };
    }
    this.#sound?.setSpeaker(devices.speakerId);
    if (devices.cameraId !== before.cameraId && this.camera) await this.setCamera(true);
  }

  /** True when it was done; otherwise fault says why not. */
  async ask(type: string, data: unknown = {}): Promise<boolean> {
    this.fault = null;
    try {
      await this.#signal?.ask(type, data);
      return true;
    } catch (e) {
      this.fault = { kind: 'server', code: e instanceof RoomError ? e.code : 'internal', message: e instanceof Error ? e.message : String(e) };
      return false;
    }
  }

  setHand = (on: boolean) => this.ask('hand', { on });
  say = (text: string, to = '') => this.ask('chat', { text, to });
  call = (user: string) => this.ask('call', { user });
  muteOther = (participant: string, on: boolean) => this.ask('muteOther', { participant, on });
  admit = (participant: string, on: boolean) => this.ask('admit', { participant, on });
  kick = (participant: string) => this.ask('kick', { participant });
  setRole = (participant: string, role: Role) => this.ask('role', { participant, role });
  setLayout = (layout: Layout) => this.ask('layout', { layout });
  setLocked = (on: boolean) => this.ask('lock', { on });
  setLobby = (on: boolean) => this.ask('lobby', { on });
  setRecording = (on: boolean) => this.ask('record', { on });
  split = (rooms: { title: string; participants: string[] }[], minutes: number, free: boolean) => this.ask('breakout', { rooms, minutes, free });
  merge = () => this.ask('merge');
  announce = (text: string) => this.ask('announce', { text });
  /** Goes to another room of the same family. */
  async goTo(room: string): Promise<boolean> {
    this.#heading = room;
    const done = await this.ask('move', { room });
    if (!done) this.#heading = '';
    return done;
  }
  stage = (stream: string, on: boolean) => this.ask('stage', { stream, on });

  /** Looks at what goes and comes, and says how the connection is. */
  async #measure(): Promise<void> {
    const rtc = this.#rtc;
    if (!rtc) return;
    const now = sampleOf((await rtc.pc.getStats()).values());
    if (rtc !== this.#rtc) return;
    const found = this.#before ? judge(this.#before, now) : good;
    // What lasts is told, not what passes: senders feel their way when they begin.
    this.verdict = found.cause === this.#suspicion ? found : this.verdict.cause === '' ? good : this.verdict;
    this.#suspicion = found.cause;
    this.#before = now;
  }

  leave(): void {
    const signal = this.#signal;
    this.#signal = null;
    this.#endMedia();
    clearInterval(this.#countdown);
    this.move = null;
    this.#heading = '';
    if (signal) {
      signal.onEvent = () => {};
      signal.onLost = () => {};
      signal.onOnline = () => {};
      signal.close();
    }
    this.#captures.close();
    this.#microphone?.close();
    this.#microphone = null;
    this.#tone.stop();
    this.#deaf?.();
    this.#deaf = null;
    this.busy = '';
    this.floor = null;
    this.#joined = null;
    this.#attempt = 0;
    this.#wishes = [];
    this.muted = true;
    this.asked = false;
    this.hushed = false;
    this.speaks = false;
    this.level = 0;
    this.unread = 0;
    this.online = true;
    this.mediaFault = null;
    this.fault = null;
    this.verdict = good;
    this.soundBlocked = false;
    this.members.clear();
    this.tracks.clear();
    this.phase = { kind: 'out' };
  }
}

/** A refusal of the server counts as that, wherever it shows. */
function faultOf(kind: 'camera' | 'microphone' | 'screen', why: DeviceFault, e: unknown): Fault {
  return e instanceof RoomError ? { kind: 'server', code: e.code, message: e.message } : { kind, why };
}

/** For trying whether a relay works: /rooms/name?relay=1. */
function relayOnly(): boolean {
  return new URLSearchParams(location.search).get('relay') === '1';
}
