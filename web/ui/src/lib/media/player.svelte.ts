/**
 * Plays one stream in one <video> and keeps it playing: WebRTC first, HLS when it must, again after
 * each loss. Everything it decides is a sentence somebody can read.
 */
import { backoff } from '$lib/api/events';
import type { Stream } from '$lib/api/types';
import { t } from '$lib/strings';
import { endOf, HlsFeed, WhepFeed, type Feed, type FeedEnd } from './feed';
import { abilities, plan, silentBecause, type Abilities, type Preference, type Transport } from './plan';
import type { Figures } from './stats';

export type PlayState =
  | { kind: 'idle' }
  | { kind: 'connecting' }
  | { kind: 'playing' }
  | { kind: 'waiting'; retryAt: number; reason: string }
  /** The publisher stopped; plays again by itself when the stream is back. */
  | { kind: 'ended' }
  /** Nothing more is tried by itself. */
  | { kind: 'failed'; reason: string };

/** What a Player needs of its surroundings; tests bring their own. */
export interface PlayerDeps {
  abilities: () => Abilities;
  makeFeed: (transport: Transport, name: string, onEnd: (end: FeedEnd) => void) => Feed;
}

const real: PlayerDeps = {
  abilities,
  makeFeed: (transport, name, onEnd) => (transport === 'webrtc' ? new WhepFeed(name, onEnd) : new HlsFeed(name, onEnd)),
};

export class Player {
  state = $state<PlayState>({ kind: 'idle' });
  transport = $state<Transport | null>(null);
  /** Why it is not WebRTC, or '' when it is. */
  why = $state('');
  /** Why there is no sound although the stream has some, or ''. */
  silent = $state('');
  figures = $state<Figures | null>(null);
  preference = $state<Preference>('auto');

  #video: HTMLVideoElement;
  #deps: PlayerDeps;
  #can: Abilities;
  #stream: Stream | null = null;
  #feed: Feed | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #meter: ReturnType<typeof setInterval> | undefined;
  #attempt = 0;
  /** Transports that failed although they should have worked, with the reason. */
  #broken = new Map<Transport, string>();

  constructor(video: HTMLVideoElement, deps: PlayerDeps = real) {
    this.#video = video;
    this.#deps = deps;
    this.#can = deps.abilities();
  }

  /** Plays stream, or waits for it when it is undefined. Nothing happens if it plays already. */
  follow(stream: Stream | undefined): void {
    if (!stream) {
      if (this.#stream || this.state.kind === 'idle') this.#stopFor({ kind: 'ended' });
      this.#stream = null;
      return;
    }
    const same = this.#stream && this.#stream.name === stream.name && this.#stream.since === stream.since && shape(this.#stream) === shape(stream);
    this.#stream = stream;
    if (same) return;
    this.#broken.clear();
    this.#attempt = 0;
    this.#try();
  }

  prefer(preference: Preference): void {
    this.preference = preference;
    this.#broken.clear();
    this.#attempt = 0;
    if (this.#stream) this.#try();
  }

  /** Tries at once what would be tried later, or again what had failed. */
  retry(): void {
    this.#broken.clear();
    this.#attempt = 0;
    if (this.#stream) this.#try();
  }

  stop(): void {
    this.#stream = null;
    this.#stopFor({ kind: 'idle' });
  }

  #stopFor(state: PlayState): void {
    clearTimeout(this.#timer);
    clearInterval(this.#meter);
    this.#feed?.close();
    this.#feed = null;
    this.figures = null;
    this.silent = '';
    this.state = state;
  }

  #choose(): { transport: Transport | null; why: string } {
    const tracks = this.#stream?.tracks ?? [];
    const p = plan(tracks, this.preference, this.#can);
    const left = p.transports.filter((transport) => !this.#broken.has(transport));
    const transport = left[0] ?? p.transports[0] ?? null;
    // The wish of the person needs no excuse; a detour does.
    const broken = [...this.#broken].filter(([b]) => b !== transport).map(([, reason]) => reason);
    return { transport, why: [p.why, ...broken].filter(Boolean).join(' ') };
  }

  #try(): void {
    this.#stopFor({ kind: 'connecting' });
    const stream = this.#stream;
    if (!stream) return;
    const { transport, why } = this.#choose();
    this.transport = transport;
    this.why = why;
    if (!transport) {
      this.state = { kind: 'failed', reason: why };
      return;
    }
    const ended = (end: FeedEnd) => {
      if (this.#feed === feed) this.#lost(transport, end);
    };
    const feed = this.#deps.makeFeed(transport, stream.name, ended);
    this.#feed = feed;
    void this.#run(feed, transport, ended);
  }

  async #run(feed: Feed, transport: Transport, ended: (end: FeedEnd) => void): Promise<void> {
    try {
      const started = feed.start(this.#video);
      this.#video.play().catch(() => undefined);
      await started;
    } catch (e) {
      ended(endOf(e));
      return;
    }
    if (this.#feed !== feed) return;
    this.state = { kind: 'playing' };
    this.#attempt = 0;
    this.silent = this.#silence(feed, transport);
    this.#meter = setInterval(() => void this.#measure(feed), 1000);
  }

  /** The server may turn a sound into one that the browser takes; its answer counts before our guess. */
  #silence(feed: Feed, transport: Transport): string {
    const tracks = this.#stream?.tracks ?? [];
    const audio = tracks.find((track) => track.kind === 'audio');
    if (!audio || feed.sound === true) return '';
    if (feed.sound === false) return t.play.noSound(audio.codec, transport);
    return silentBecause(tracks, transport, this.#can);
  }

  async #measure(feed: Feed): Promise<void> {
    const figures = await feed.figures();
    if (this.#feed === feed) this.figures = figures;
  }

  #lost(transport: Transport, end: FeedEnd): void {
    const played = this.state.kind === 'playing';
    if (end.kind === 'gone') {
      // The list of streams says when it is back; until it says that it left, ask again.
      this.#wait(t.play.ended);
      return;
    }
    if (end.kind === 'refused') {
      this.#stopFor({ kind: 'failed', reason: end.reason });
      return;
    }
    if (!played) this.#broken.set(transport, end.reason);
    const next = this.#choose().transport;
    if (!played && next && !this.#broken.has(next)) {
      this.#try();
      return;
    }
    // Where one way works and the other does not, the good one is tried again and not the bad one;
    // where none works, all are.
    if (!played) this.#broken.clear();
    this.#wait(end.reason);
  }

  #wait(reason: string): void {
    const wait = backoff(this.#attempt++);
    this.#stopFor({ kind: 'waiting', retryAt: Date.now() + wait, reason });
    this.#timer = setTimeout(() => this.#try(), wait);
  }
}

/** What of a stream makes a new attempt worthwhile when it changes. */
function shape(stream: Stream): string {
  return stream.tracks.map((track) => `${track.codec}${track.reordered ? '+' : ''}`).join();
}
