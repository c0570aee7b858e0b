/** What is heard of a room: its voice slots, each with the volume of who is in it, and all of them with that of the room. */

type Sinking = AudioContext & { setSinkId?(id: string): Promise<void> };

/** How fast a volume changes (time constant, s): no click, and nothing that one hears coming. */
const glide = 0.01;

/** How long the browser may take until sound comes (ms). */
const startup = 1000;

/** The way to the loudspeaker, one for all rooms: some browsers allow few. */
const shared: { context: AudioContext | null; users: number } = { context: null, users: 0 };

function take(): AudioContext | null {
  try {
    shared.context ??= new AudioContext({ latencyHint: 'interactive' });
  } catch {
    return null; // No sound hardware.
  }
  shared.users++;
  return shared.context;
}

function giveBack(): void {
  if (--shared.users > 0) return;
  void shared.context?.close().catch(() => {});
  shared.context = null;
}

interface Slot {
  element: HTMLAudioElement;
  gain: GainNode | null;
  level: number;
}

export class Sound {
  /** Called when the browser begins or ends to hold the sound back until it is asked for. */
  onBlocked: (blocked: boolean) => void = () => {};

  #context = take();
  #slots: Slot[];
  #room: GainNode | null = null;
  #volume = 1;
  /** Plays what is mixed where the context itself cannot be sent to another loudspeaker. */
  #player: HTMLAudioElement | null = null;
  #closed = false;

  constructor(streams: MediaStream[]) {
    const context = this.#context;
    if (context) {
      this.#room = context.createGain();
      this.#room.connect(context.destination);
      context.addEventListener('statechange', this.#look);
    }
    this.#slots = streams.map((stream) => {
      // Browsers decode only what an element plays.
      const element = new Audio();
      element.muted = context !== null;
      element.srcObject = stream;
      element.play().catch((e: unknown) => {
        if (!this.#closed && !context && e instanceof Error && e.name === 'NotAllowedError') this.onBlocked(true);
      });
      let gain: GainNode | null = null;
      if (context) {
        gain = context.createGain();
        context.createMediaStreamSource(stream).connect(gain).connect(this.#room!);
      }
      return { element, gain, level: 1 };
    });
    if (context) void context.resume().catch(() => {});
    // A context that is allowed to sound begins within a moment; only one that is not is spoken of.
    setTimeout(this.#look, startup);
  }

  #look = () => {
    if (!this.#closed && this.#context) this.onBlocked(this.#context.state !== 'running');
  };

  get levels(): number[] {
    return this.#slots.map((s) => s.level);
  }

  /** Of each slot: 1 is as it comes, 0 is silence. */
  setLevels(levels: number[]): void {
    for (const [i, slot] of this.#slots.entries()) {
      slot.level = levels[i] ?? 1;
      if (slot.gain) slot.gain.gain.setTargetAtTime(slot.level, this.#context!.currentTime, glide);
      else slot.element.volume = Math.min(1, slot.level * this.#volume);
    }
  }

  /** Of the whole room. */
  setVolume(volume: number): void {
    this.#volume = volume;
    if (this.#room) this.#room.gain.setTargetAtTime(volume, this.#context!.currentTime, glide);
    else this.setLevels(this.levels);
  }

  /** id of the loudspeaker; '' is that of the system, and so is one that is gone. */
  setSpeaker(id: string): void {
    const context = this.#context as Sinking | null;
    if (context?.setSinkId) {
      context.setSinkId(id).catch(() => {});
      return;
    }
    type Element = HTMLAudioElement & { setSinkId?(id: string): Promise<void> };
    if (!context || !this.#room) {
      for (const s of this.#slots) (s.element as Element).setSinkId?.(id).catch(() => {});
      return;
    }
    if (id === '' || !('setSinkId' in HTMLMediaElement.prototype)) return;
    if (!this.#player) {
      const out = context.createMediaStreamDestination();
      this.#room.disconnect();
      this.#room.connect(out);
      this.#player = new Audio();
      this.#player.srcObject = out.stream;
      this.#player.play().catch(() => {});
    }
    (this.#player as Element).setSinkId?.(id).catch(() => {});
  }

  /** The person has asked for the sound. */
  resume(): void {
    void this.#context?.resume().catch(() => {});
    for (const s of this.#slots) void s.element.play().catch(() => {});
    void this.#player?.play().catch(() => {});
    if (!this.#context) this.onBlocked(false);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context?.removeEventListener('statechange', this.#look);
    for (const s of this.#slots) {
      s.gain?.disconnect();
      s.element.srcObject = null;
    }
    if (this.#player) this.#player.srcObject = null;
    this.#room?.disconnect();
    if (this.#context) giveBack();
  }
}

/** The tone that says that the channel is busy, until it is stopped. */
export class BusyTone {
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** It ends by itself after so long (ms). */
  start(most: number): void {
    if (this.#context) return;
    const context = take();
    if (!context) return;
    this.#context = context;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = 480;
    gain.gain.value = 0;
    // Four times a second on and off, as one knows it from radios.
    for (let i = 0; i < most / 250; i++) {
      gain.gain.setTargetAtTime(0.12, context.currentTime + i * 0.25, 0.005);
      gain.gain.setTargetAtTime(0, context.currentTime + i * 0.25 + 0.12, 0.005);
    }
    tone.connect(gain).connect(context.destination);
    tone.start();
    this.#stop = () => {
      tone.stop();
      gain.disconnect();
    };
    this.#timer = setTimeout(() => this.stop(), most);
  }

  #stop = () => {};

  stop(): void {
    if (!this.#context) return;
    clearTimeout(this.#timer);
    this.#stop();
    this.#context = null;
    giveBack();
  }
}
