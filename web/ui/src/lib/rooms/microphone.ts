/** Whether one is heard: what the person wants, what the server was told, and the device behind it. */
import { openMicrophone, release } from './devices';
import { Meter } from './level';

export interface MicrophoneDeps {
  /** Tells the server; rejects when it refuses. */
  tell: (muted: boolean) => Promise<void>;
  /** Sends the track from now on. */
  send: (track: MediaStreamTrack | null) => Promise<void>;
  onMuted: (muted: boolean) => void;
  onLevel: (level: number) => void;
  /** The device is gone, such as pulled out. */
  onGone: () => void;
}

/** One change at a time: keys that are hit fast come out as they were hit last. */
export class Microphone {
  /** Id of the device; '' is that of the system. */
  device = '';
  #deps: MicrophoneDeps;
  #track: MediaStreamTrack | null = null;
  #meter: Meter | null = null;
  #wanted = true;
  #told = true;
  #settling: Promise<void> | null = null;
  #closed = false;

  constructor(deps: MicrophoneDeps) {
    this.#deps = deps;
  }

  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  get muted(): boolean {
    return this.#wanted;
  }

  /** Takes over a device that is open already. */
  take(track: MediaStreamTrack): void {
    this.#drop();
    this.#track = track;
    track.enabled = !this.#wanted;
    track.addEventListener('ended', () => {
      if (this.#track !== track) return;
      this.#drop();
      this.quiet();
      this.#deps.onGone();
    });
    this.#meter = new Meter(track, (level) => this.#deps.onLevel(this.#wanted ? 0 : level));
  }

  /** Rejects where there is no microphone, or the server refuses; one is muted then. */
  set(muted: boolean): Promise<void> {
    this.#want(muted);
    this.#settling ??= this.#settle().finally(() => (this.#settling = null));
    return this.#settling;
  }

  #want(muted: boolean): void {
    this.#wanted = muted;
    if (this.#track) this.#track.enabled = !muted;
    if (muted) this.#deps.onLevel(0);
    this.#deps.onMuted(muted);
  }

  async #settle(): Promise<void> {
    try {
      while (this.#told !== this.#wanted && !this.#closed) {
        const wanted = this.#wanted;
        if (!wanted && !this.#track) await this.#open();
        await this.#deps.tell(wanted);
        this.#told = wanted;
      }
    } catch (e) {
      this.quiet();
      throw e;
    }
  }

  async #open(): Promise<void> {
    const stream = await openMicrophone(this.device);
    if (this.#closed) {
      release(stream);
      return;
    }
    this.take(stream.getAudioTracks()[0]!);
    await this.#deps.send(this.#track);
  }

  /** The server has muted this side, or knows nothing of it any more. */
  quiet(): void {
    this.#told = true;
    this.#want(true);
  }

  /** What the server says of this side; while it is being told something else, that counts. */
  heard(muted: boolean): void {
    if (!this.#settling && muted && !this.#wanted) this.quiet();
  }

  /** Changes the device; goes on as before. */
  async change(device: string): Promise<void> {
    this.device = device;
    if (!this.#track) return;
    const stream = await openMicrophone(device);
    if (this.#closed) {
      release(stream);
      return;
    }
    this.take(stream.getAudioTracks()[0]!);
    await this.#deps.send(this.#track);
  }

  #drop(): void {
    this.#meter?.stop();
    this.#meter = null;
    const track = this.#track;
    this.#track = null;
    track?.stop();
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }
}
