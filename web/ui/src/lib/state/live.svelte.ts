import { LiveChannel, type LiveState } from '$lib/api/events';
import type { LiveEvent } from '$lib/api/types';

type Kind = LiveEvent['kind'];
type Of<K extends Kind> = Extract<LiveEvent, { kind: K }>;
/** The server speaks at least every two seconds (ms). */
const silence = 20_000;

type Listener = (event: LiveEvent) => void;

/** The live channel of the logged-in person: its state for the screen, its events for the stores. */
class Live {
  state = $state<LiveState>({ kind: 'off' });
  #listeners = new Map<Kind, Set<Listener>>();
  #channel: LiveChannel<LiveEvent> | null = null;

  /** Calls f for each event of one of the kinds; the result ends that. */
  on<K extends Kind>(kinds: K[], f: (event: Of<K>) => void): () => void {
    const listener = f as Listener;
    for (const kind of kinds) {
      const set = this.#listeners.get(kind) ?? new Set();
      set.add(listener);
      this.#listeners.set(kind, set);
    }
    return () => {
      for (const kind of kinds) this.#listeners.get(kind)?.delete(listener);
    };
  }

  emit(event: LiveEvent): void {
    for (const listener of this.#listeners.get(event.kind) ?? []) listener(event);
  }

  /** onRefused is called when the server would not open the channel. */
  start(onRefused: () => void): void {
    if (this.#channel) return;
    this.#channel = new LiveChannel({
      url: `${location.origin.replace(/^http/, 'ws')}/api/v1/events`,
      onState: (state) => (this.state = state),
      onEvent: (event) => this.emit(event),
      onRefused,
      silence,
    });
    this.#channel.start();
    window.addEventListener('online', this.#hurry);
    document.addEventListener('visibilitychange', this.#hurry);
  }

  stop(): void {
    window.removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#hurry);
    this.#channel?.stop();
    this.#channel = null;
  }

  #hurry = () => {
    if (!document.hidden) this.#channel?.hurry();
  };
}

export const live = new Live();
