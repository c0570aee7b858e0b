/**
 * Push-to-talk: held it talks as long as it is held, pressed twice it stays on until it is pressed
 * again. One short press alone leaves nothing open.
 */

/** What is shorter is a tap, and within so long after one the next press makes it stay (ms). */
const tap = 300;
const again = 400;

interface Speaker {
  muted: boolean;
  canSpeak: boolean;
  setMuted(muted: boolean): Promise<void>;
}

export class Talk {
  #speaker: Speaker;
  #since = 0;
  #tapped = -Infinity;
  #wasOn = false;
  #down = false;
  /** This press ends nothing: it was the second of two. */
  #stays = false;

  constructor(speaker: Speaker) {
    this.#speaker = speaker;
  }

  /** at: when it was pressed (ms), as the event says: a busy page hears of it late. */
  down(at: number): void {
    if (this.#down || !this.#speaker.canSpeak) return;
    this.#down = true;
    this.#since = at;
    this.#wasOn = !this.#speaker.muted;
    this.#stays = !this.#wasOn && at - this.#tapped < again;
    if (!this.#wasOn) void this.#speaker.setMuted(false);
  }

  up(at: number): void {
    if (!this.#down) return;
    this.#down = false;
    const short = at - this.#since < tap;
    this.#tapped = short && !this.#wasOn && !this.#stays ? at : -Infinity;
    // Who was on before the press is off after it, however long it was.
    if (!this.#stays || !short) void this.#speaker.setMuted(true);
  }

  /** The finger was taken away by something else, or the window was left: nobody talks unknowingly. */
  cancel(): void {
    if (!this.#down) return;
    this.#down = false;
    if (!this.#wasOn) void this.#speaker.setMuted(true);
  }
}

/** Keys that write, move or open nothing: they talk also while something is typed. */
const silentKey = /^(F([1-9]|1\d|2[0-4])|Pause|ScrollLock|ContextMenu|Media\w+|AudioVolume\w+|Launch\w+)$/;

/** Keys that are needed otherwise, by their codes. */
const neverKey = /^(Escape|Tab|Enter|NumpadEnter|Backspace|Delete|Arrow\w+|Shift\w+|Control\w+|Alt\w+|Meta\w+|Page\w+|Home|End|CapsLock|NumLock|)$/;

/** Whether the key of that code can be the one to talk. */
export const canTalkBy = (code: string): boolean => !neverKey.test(code);

/** Whether a press of the key to talk is meant for something else: writing, a button, a list. */
export function keyIsTaken(code: string, target: EventTarget | null): boolean {
  if (silentKey.test(code)) return false;
  return (target as Element | null)?.closest?.('input, textarea, select, button, a, summary, [contenteditable], [role="option"], dialog') != null;
}

/** What is written on the key of that code: "KeyT" is "T". Without name it is that of the code. */
export function keyName(code: string, space: string): string {
  if (code === 'Space') return space;
  return code.replace(/^(Key|Digit)/, '').replace(/^Numpad/, 'Num ').replace(/^Backquote$/, '`').replace(/^ScrollLock$/, 'Scroll Lock');
}
