/** How loud a microphone is. */

/** Between two looks (ms). */
const period = 80;

/** Tells a level from 0 to 1 until it is stopped. */
export class Meter {
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(track: MediaStreamTrack, tell: (level: number) => void) {
    try {
      this.#context = new AudioContext();
    } catch {
      return; // No sound hardware: no meter, everything else works.
    }
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      // Browsers begin silently until the person has done something.
      if (this.#context?.state === 'suspended') void this.#context.resume().catch(() => {});
      analyser.getFloatTimeDomainData(samples);
      tell(loudness(samples));
    }, period);
  }

  stop(): void {
    clearInterval(this.#timer);
    void this.#context?.close().catch(() => {});
    this.#context = null;
  }
}

/** From -50 dB (0) to -8 dB (1): what speech is between a whisper and a shout. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const s of samples) sum += s * s;
  if (sum === 0) return 0;
  const db = 10 * Math.log10(sum / samples.length);
  return Math.min(1, Math.max(0, (db + 50) / 42));
}

/** Three notes to hear whether the speaker works. sink: id of the speaker, '' for that of the system. */
export async function testTone(sink: string): Promise<void> {
  const context = new AudioContext();
  try {
    if (sink && 'setSinkId' in context) await (context as AudioContext & { setSinkId(id: string): Promise<void> }).setSinkId(sink);
    await context.resume();
    const gain = context.createGain();
    gain.gain.value = 0;
    gain.connect(context.destination);
    const tone = context.createOscillator();
    tone.connect(gain);
    const now = context.currentTime + 0.05;
    for (const [i, hz] of [440, 554, 659].entries()) {
      tone.frequency.setValueAtTime(hz, now + i * 0.22);
      gain.gain.setTargetAtTime(0.2, now + i * 0.22, 0.01);
      gain.gain.setTargetAtTime(0, now + i * 0.22 + 0.16, 0.02);
    }
    tone.start(now);
    tone.stop(now + 0.8);
    await new Promise((done) => (tone.onended = done));
  } finally {
    await context.close().catch(() => {});
  }
}
