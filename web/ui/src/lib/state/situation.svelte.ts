import { LiveChannel, type LiveState } from '$lib/api/events';
import type { Contact, Emergency, Item, SituationEvent } from '$lib/api/situation';
import { Picture, type Seen } from '$lib/tak/picture';
import { Voice, type Presence } from '$lib/tak/voice';
import { live } from './live.svelte';

type Kind = SituationEvent['kind'];
type Listener = (event: SituationEvent) => void;

/** The screen follows the live messages at most so often (ms). */
const pace = 200;

/** Lists that people read follow slower (ms). */
const calm = 1000;

/** A channel that was silent for so long while the other one broke is opened anew (ms). */
const doubtful = 5000;

/** People and things, live: one picture for every lens. */
class Situation {
  state = $state<LiveState>({ kind: 'off' });
  readonly picture = new Picture();
  /** False until the first snapshot is there. */
  known = $state(false);
  /** Goes up when items changed, at most five times a second; for the map. */
  version = $state(0);
  /** The same, at most once a second; for lists. */
  calmVersion = $state(0);
  /** Goes up when things came, went or got another name, at most once a second. */
  members = $state(0);
  contacts = $state.raw<Contact[]>([]);
  emergencies = $state.raw<Emergency[]>([]);
  /** Every group that something on the map belongs to. */
  groups = $state.raw<string[]>([]);
  uid = $state('');
  readonly voice = new Voice();
  /** Goes up when somebody enters or leaves a room, or begins or ends to talk. */
  voiceVersion = $state(0);

  #channel: LiveChannel<SituationEvent> | null = null;
  #listeners = new Map<Kind, Set<Listener>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #calmTimer: ReturnType<typeof setTimeout> | undefined;
  #calmAt = 0;
  #heard = 0;

  constructor() {
    // The other channel came back after a break: this one may be dead without knowing.
    live.on(['hello'], () => {
      if (this.#channel && this.state.kind === 'live' && Date.now() - this.#heard > doubtful) this.#channel.restart();
      else this.#channel?.hurry();
    });
  }

  /** Calls f for each message of one of the kinds; the result ends that. */
  on<K extends Kind>(kinds: K[], f: (event: Extract<SituationEvent, { kind: K }>) => void): () => void {
    const listener = f as Listener;
    for (const kind of kinds) this.#listeners.set(kind, (this.#listeners.get(kind) ?? new Set()).add(listener));
    return () => {
      for (const kind of kinds) this.#listeners.get(kind)?.delete(listener);
    };
  }

  start(): void {
    if (this.#channel) return;
    this.#channel = new LiveChannel<SituationEvent>({
      url: `${location.origin.replace(/^http/, 'ws')}/api/v1/situation`,
      onState: (state) => (this.state = state),
      onEvent: (event) => this.#take(event),
    });
    this.#channel.start();
  }

  stop(): void {
    this.#channel?.stop();
    this.#channel = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#calmTimer);
    this.#timer = this.#calmTimer = undefined;
    for (const what of [this.picture, this.voice]) what.apply({ kind: 'snapshot', items: [], contacts: [], emergencies: [], uid: '' });
    this.known = false;
    this.voiceVersion++;
    this.#publish();
    this.contacts = [];
    this.emergencies = [];
  }

  /** What is known of a uid now; follows the changes. */
  seen(uid: string): Seen | undefined {
    void this.version;
    return this.picture.items.get(uid);
  }

  item(uid: string): Item | undefined {
    return this.seen(uid)?.item;
  }

  contact(uid: string): Contact | undefined {
    return this.contacts.find((c) => c.uid === uid);
  }

  /** The room that the person with a device is in. */
  presence(uid: string): Presence | undefined {
    void this.voiceVersion;
    return this.voice.of(uid);
  }

  /** The name of a uid in words: call sign, else the uid itself. */
  nameOf(uid: string): string {
    return this.contact(uid)?.callsign || this.picture.items.get(uid)?.item.callsign || uid;
  }

  #take(event: SituationEvent): void {
    this.#heard = Date.now();
    if (event.kind === 'lagged') {
      this.#channel?.restart();
      return;
    }
    const changed = this.picture.apply(event);
    if (this.voice.apply(event)) this.voiceVersion++;
    if (event.kind === 'snapshot') {
      this.uid = event.uid;
      this.known = true;
      this.#calmAt = 0;
    }
    if (changed.contacts) this.contacts = [...this.picture.contacts.values()];
    if (changed.emergencies) this.emergencies = this.picture.emergencies;
    if (changed.items) this.#timer ??= setTimeout(() => this.#publish(), event.kind === 'snapshot' ? 0 : pace);
    for (const listener of this.#listeners.get(event.kind) ?? []) listener(event);
  }

  #publish(): void {
    this.#timer = undefined;
    this.version++;
    const wait = this.#calmAt + calm - Date.now();
    if (wait <= 0) this.#publishCalmly();
    else this.#calmTimer ??= setTimeout(() => this.#publishCalmly(), wait);
  }

  #publishCalmly(): void {
    clearTimeout(this.#calmTimer);
    this.#calmTimer = undefined;
    this.#calmAt = Date.now();
    this.picture.prune(this.#calmAt);
    this.calmVersion++;
    this.members = this.picture.members;
    this.#findGroups();
  }

  #findGroups(): void {
    const groups = new Set<string>();
    for (const { item } of this.picture.items.values()) for (const group of item.groups) groups.add(group);
    const list = [...groups].sort();
    if (list.join('\n') !== this.groups.join('\n')) this.groups = list;
  }
}

export const situation = new Situation();
