/** Push-to-talk: held it talks as long as it is held, tapped it stays as it is. */

/** What is shorter is a tap (ms). */
const tap = 300;

interface Speaker {
  muted: boolean;
  canSpeak: boolean;
  setMuted(muted: boolean): Promise<void>;
}

export class Talk {
  #speaker: Speaker;
  #since = 0;
  #wasOn = false;
  #down = false;

  constructor(speaker: Speaker) {
    this.#speaker = speaker;
  }

  /** at: when it was pressed (ms), as the event says: a busy page hears of it late. */
  down(at: number): void {
    if (this.#down || !this.#speaker.canSpeak) return;
    this.#down = true;
    this.#since = at;
    this.#wasOn = !this.#speaker.muted;
    if (!this.#wasOn) void this.#speaker.setMuted(false);
  }

  up(at: number): void {
    if (!this.#down) return;
    this.#down = false;
    // A tap flips; a hold ends where it began, in silence.
    if (at - this.#since >= tap || this.#wasOn) void this.#speaker.setMuted(true);
  }

  /** The finger was taken away by something else, or the window was left: nobody talks unknowingly. */
  cancel(): void {
    if (!this.#down) return;
    this.#down = false;
    if (!this.#wasOn) void this.#speaker.setMuted(true);
  }
}

/** Whether the space bar is wanted for something else: writing, a button, a list. */
export function spaceIsTaken(target: EventTarget | null): boolean {
  return (target as Element | null)?.closest?.('input, textarea, select, button, a, summary, [contenteditable], [role="option"], dialog') != null;
}
