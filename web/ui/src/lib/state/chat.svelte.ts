import { SvelteMap } from 'svelte/reactivity';
import { sentence } from '$lib/api/client';
import type { Chat, Room } from '$lib/api/situation';
import { tak } from '$lib/api/tak';
import { merged, ordered, withMessage, withPeople } from '$lib/tak/conversation';
import { session } from './session.svelte';
import { situation } from './situation.svelte';

export interface Conversation {
  messages: Chat[];
  /** There are older ones on the server. */
  more: boolean;
  loading: boolean;
  error: string;
}

const nothing: Conversation = { messages: [], more: false, loading: true, error: '' };

/** Messages that are counted as known, so that a new state is not a new message. */
const remembered = 2000;

/** Rooms and what is said in them, live. */
class ChatStore {
  #rooms = $state.raw<Room[]>([]);
  #conversations = new SvelteMap<string, Conversation>();
  #counted = new Set<string>();
  known = $state(false);
  error = $state('');
  /** The room on the screen, or ''. */
  open = $state('');
  rooms = $derived(ordered(withPeople(this.#rooms, situation.contacts, situation.uid)));
  unread = $derived(this.#rooms.reduce((n, r) => n + r.unread, 0));

  constructor() {
    situation.on(['chat'], (event) => this.#take(event.messages ?? []));
    situation.on(['snapshot'], () => void this.reload());
  }

  room(id: string): Room | undefined {
    return this.rooms.find((r) => r.id === id);
  }

  conversation(id: string): Conversation {
    return this.#conversations.get(id) ?? nothing;
  }

  /** Asks again for the rooms, and for what was said meanwhile in those that were opened. */
  async reload(): Promise<void> {
    try {
      this.#rooms = await tak.rooms();
      this.known = true;
      this.error = '';
    } catch (e) {
      this.error = sentence(e);
    }
    for (const id of this.#conversations.keys()) void this.load(id);
  }

  /** Loads the newest messages of a room. */
  async load(id: string): Promise<void> {
    await this.#load(id);
  }

  async loadOlder(id: string): Promise<void> {
    const first = this.conversation(id).messages[0];
    if (first) await this.#load(id, Date.parse(first.time));
  }

  async #load(id: string, before?: number): Promise<void> {
    const now = this.conversation(id);
    this.#conversations.set(id, { ...now, loading: true });
    try {
      const { messages, more } = await tak.messages(id, before);
      for (const m of messages) this.#count(m.id);
      const known = this.conversation(id);
      const fresh = before !== undefined || known.messages.length === 0;
      this.#conversations.set(id, { messages: merged(known.messages, messages), more: fresh ? more : known.more, loading: false, error: '' });
    } catch (e) {
      this.#conversations.set(id, { ...this.conversation(id), loading: false, error: sentence(e) });
    }
  }

  /** Tells the others that the room was read. */
  async read(id: string): Promise<void> {
    if (!this.room(id)?.unread) return;
    this.#rooms = this.#rooms.map((r) => (r.id === id ? { ...r, unread: 0 } : r));
    try {
      await tak.markRead(id);
    } catch {
      // It is marked again when the room is opened the next time.
    }
  }

  /** Says something; it stands in the room at once, and says so when it did not get out. */
  async say(room: string, what: { text: string; lat?: number; lon?: number; hash?: string }): Promise<void> {
    const id = `local-${crypto.randomUUID()}`;
    const mine: Chat = {
      ...{ id, room, roomName: this.room(room)?.name ?? room, kind: this.room(room)?.kind ?? 'direct' },
      ...{ senderUid: situation.uid, senderCallsign: session.me?.user ?? '', time: new Date().toISOString(), state: 'pending', mine: true },
      ...what,
    };
    this.#put(room, [mine]);
    try {
      const sent = await tak.say({ room, ...what });
      this.#drop(room, id);
      this.#take([sent]);
    } catch {
      this.#put(room, [{ ...mine, state: 'failed' }]);
    }
  }

  /** Tries again what did not get out. */
  async again(message: Chat): Promise<void> {
    this.#drop(message.room, message.id);
    const { text, lat, lon, hash } = message;
    await this.say(message.room, { text, ...(lat === undefined ? {} : { lat, lon }), ...(hash ? { hash } : {}) });
  }

  #take(messages: Chat[]): void {
    for (const m of messages) {
      const isNew = this.#count(m.id);
      this.#rooms = withMessage(this.#rooms, m, document.hidden ? '' : this.open, isNew);
      if (this.#conversations.has(m.room)) this.#put(m.room, [m]);
    }
  }

  #put(room: string, messages: Chat[]): void {
    const known = this.conversation(room);
    this.#conversations.set(room, { ...known, loading: false, messages: merged(known.messages, messages) });
  }

  #drop(room: string, id: string): void {
    const known = this.conversation(room);
    this.#conversations.set(room, { ...known, messages: known.messages.filter((m) => m.id !== id) });
  }

  /** True when the id was not counted before. */
  #count(id: string): boolean {
    if (this.#counted.has(id)) return false;
    this.#counted.add(id);
    if (this.#counted.size > remembered) this.#counted.delete(this.#counted.values().next().value!);
    return true;
  }
}

export const chat = new ChatStore();
