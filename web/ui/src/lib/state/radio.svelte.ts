/**
 * The radio: the channels (which are rooms) that are heard. In one of them one may talk, which is the
 * room one is in; in the others one listens, each over a session of its own.
 */
import { SvelteMap } from 'svelte/reactivity';
import type { ConferenceRoom } from '$lib/api/rooms';
import type { RoomSession } from '$lib/rooms/room.svelte';
import { channelKey } from '$lib/rooms/volumes';
import { t } from '$lib/strings';
import { conferences } from './conferences.svelte';
import { inRoom } from './inroom.svelte';
import { recall, remember } from './prefs';
import { session } from './session.svelte';
import { toasts } from './toasts.svelte';
import { volumes } from './volumes.svelte';

/** Channels that can be listened to beside the one that one talks in. */
export const mostMonitored = 4;

/** Of this tab: what is heard goes on after it is loaded anew, and another tab does not begin to sound. */
const store = 'muster.radio.monitored';

function stored(): string[] {
  try {
    const list: unknown = JSON.parse(sessionStorage.getItem(store) ?? '[]');
    return Array.isArray(list) ? list.filter((x) => typeof x === 'string').slice(0, mostMonitored) : [];
  } catch {
    return [];
  }
}

/** On a phone the panel lies over the lens. */
const covers = (): boolean => typeof matchMedia !== 'undefined' && matchMedia('(max-width: 639px)').matches;

/** Whether a channel is one that this person may speak in, as far as one knows before entering. */
export function maySpeak(r: Pick<ConferenceRoom, 'groups' | 'host'>): boolean {
  return r.host || session.isAdmin || (session.me?.groups ?? []).some((g) => g.in && r.groups.includes(g.group));
}

class Radio {
  /** The panel is shown. Where it covers the lens, it is opened when it is wanted only. */
  open = $state<boolean>(!covers() && recall<boolean>('radio.open', false));
  /** Channels that are to be heard, also while one talks elsewhere. */
  wanted = $state.raw<string[]>(stored());
  #monitors = new SvelteMap<string, RoomSession>();
  /** Volumes of channels that are silenced for now (percent). */
  #hushed = new SvelteMap<string, number>();
  #busy: Promise<void> = Promise.resolve();
  #paused = false;

  /** The channel that one talks in, or ''. */
  talkRoom = $derived(inRoom.on ? (inRoom.session?.wish?.room ?? '') : '');
  monitors = $derived([...this.#monitors.values()]);
  /** All that are heard. */
  heard = $derived([...(inRoom.on && inRoom.session ? [inRoom.session] : []), ...this.monitors]);
  on = $derived(this.wanted.length > 0 || this.talkRoom !== '');

  show(open: boolean): void {
    this.open = open;
    if (!covers()) remember('radio.open', open);
  }

  /** Somebody goes to another lens, and wants to see it. */
  uncover(): void {
    if (covers()) this.open = false;
  }

  /** How one hears a channel, or null. */
  of(room: string): RoomSession | null {
    return this.talkRoom === room ? inRoom.session : (this.#monitors.get(room) ?? null);
  }

  isWanted = (room: string): boolean => this.wanted.includes(room);

  #want(list: string[]): void {
    this.wanted = list;
    try {
      sessionStorage.setItem(store, JSON.stringify(list));
    } catch {
      // It is forgotten with the page.
    }
  }

  /** Listens to a channel beside the one that one talks in, or does not any more. */
  monitor(room: string, on: boolean): void {
    const rest = this.wanted.filter((r) => r !== room);
    if (on && rest.length >= mostMonitored) {
      toasts.say(t.radio.tooMany(mostMonitored), 'bad');
      return;
    }
    this.#want(on ? [...rest, room] : rest);
    void this.settle();
  }

  /** From now on one talks in this channel. The one before is heard on if it is monitored, and left otherwise. */
  talk(room: string): Promise<void> {
    return (this.#busy = this.#busy.then(() => this.#talk(room)).catch(() => undefined));
  }

  async #talk(room: string): Promise<void> {
    if (this.talkRoom === room) return;
    await this.#putDown();
    const known = this.#monitors.get(room);
    this.#monitors.delete(room);
    if (known?.phase.kind === 'in') {
      inRoom.session = known;
      await known.setListens(false);
      return;
    }
    known?.leave();
    const fresh = await this.#session(room, false);
    inRoom.session = fresh.session;
    await fresh.join();
  }

  /** Talks nowhere any more. */
  quiet(): Promise<void> {
    return (this.#busy = this.#busy.then(() => this.#putDown()).catch(() => undefined));
  }

  async #putDown(): Promise<void> {
    const old = inRoom.session;
    const room = this.talkRoom;
    if (!old || !room) return;
    if (this.isWanted(room) && old.phase.kind === 'in') {
      this.#monitors.set(room, old);
      inRoom.session = null;
      await old.setListens(true);
    } else inRoom.leave();
  }

  async #session(room: string, listen: boolean): Promise<{ session: RoomSession; join: () => Promise<void> }> {
    const [{ RoomSession }, { recallDevices }] = await Promise.all([import('$lib/rooms/room.svelte'), import('$lib/rooms/devices')]);
    const made = new RoomSession();
    const devices = { ...recallDevices(), camera: false, microphone: false };
    const join = () => made.join({ room, name: session.me?.user ?? '', pin: '', invitation: '', devices, listen, voiceOnly: true });
    return { session: made, join };
  }

  /** Makes true what is wanted: called when something has changed. */
  settle(): Promise<void> {
    return (this.#busy = this.#busy.then(() => this.#settle()).catch(() => undefined));
  }

  async #settle(): Promise<void> {
    if (this.#paused) return;
    for (const [room, s] of [...this.#monitors]) {
      const { phase } = s;
      if (phase.kind === 'ended') {
        this.#want(this.wanted.filter((r) => r !== room));
        toasts.say(`${this.titleOf(room)}: ${t.rooms.codes[phase.code] ?? (phase.reason || t.rooms.left)}`, 'bad');
      }
      // Where one is moved one goes on listening, unless one is there already.
      const now = s.wish?.room ?? room;
      if (now !== room && phase.kind !== 'ended' && this.isWanted(room)) {
        this.#monitors.delete(room);
        if (this.of(now)) s.leave();
        else this.#monitors.set(now, s);
        this.#want([...new Set(this.wanted.map((r) => (r === room ? now : r)))]);
      } else if (phase.kind === 'ended' || !this.isWanted(room) || this.talkRoom === room) {
        s.leave();
        this.#monitors.delete(room);
      }
    }
    for (const room of this.wanted) {
      if (this.talkRoom === room || this.#monitors.has(room)) continue;
      const { session: made, join } = await this.#session(room, true);
      this.#monitors.set(room, made);
      await join();
    }
  }

  titleOf(room: string): string {
    return this.of(room)?.room?.title || conferences.list.find((r) => r.name === room)?.title || room;
  }

  isHushed = (room: string): boolean => volumes.of(channelKey(room)) === 0;

  /** Silences a channel, and brings it back as loud as it was. */
  hush(room: string): void {
    const key = channelKey(room);
    if (!this.isHushed(room)) {
      this.#hushed.set(room, volumes.of(key));
      volumes.set(key, 0);
    } else volumes.set(key, this.#hushed.get(room) || 100);
  }

  /** Who was shown out of a channel does not come back to it by itself. */
  drop(room: string): void {
    if (this.isWanted(room)) this.#want(this.wanted.filter((r) => r !== room));
  }

  /** The page goes away, and may come back. */
  pause(on: boolean): void {
    this.#paused = on;
    if (!on) {
      void this.settle();
      return;
    }
    for (const s of this.#monitors.values()) s.leave();
    this.#monitors.clear();
  }

  /** The person has logged out. */
  end(): void {
    this.pause(true);
    this.#want([]);
    this.#paused = false;
  }
}

export const radio = new Radio();
