import { describe, expect, it } from 'vitest';
import { Talk, canTalkBy, keyIsTaken, keyName } from './talk';

const speaker = (muted: boolean, canSpeak = true) => ({
  muted,
  canSpeak,
  setMuted(m: boolean) {
    this.muted = m;
    return Promise.resolve();
  },
});

/** Presses: each from, to (ms); a press without end is held. */
function press(s: ReturnType<typeof speaker>, ...presses: [number, number?][]) {
  const talk = new Talk(s);
  for (const [from, to] of presses) {
    talk.down(from);
    if (to !== undefined) talk.up(to);
  }
}

describe('push-to-talk', () => {
  it.each([
    ['held, it talks', true, [[0]], false],
    ['held and let go, it is silent', true, [[0, 900]], true],
    ['tapped once, it is silent', true, [[0, 100]], true],
    ['tapped twice, it stays on', true, [[0, 100], [250, 350]], false],
    ['tapped twice slowly, it is silent', true, [[0, 100], [900, 1000]], true],
    ['tapped, then held and let go, it is silent', true, [[0, 100], [250, 1250]], true],
    ['pressed while it stays on, it goes off', true, [[0, 100], [250, 350], [5000, 5100]], true],
    ['held while it stays on, it talks on', true, [[0, 100], [250, 350], [5000]], false],
    ['after that, one tap leaves nothing open', true, [[0, 100], [250, 350], [5000, 5100], [5200, 5300]], true],
    ['held while on, it ends in silence', false, [[0, 900]], true],
  ] as [string, boolean, [number, number?][], boolean][])('%s', (_, muted, presses, after) => {
    const s = speaker(muted);
    press(s, ...presses);
    expect(s.muted).toBe(after);
  });

  it('ends when the finger is taken away', () => {
    const s = speaker(true);
    const talk = new Talk(s);
    talk.down(0);
    talk.cancel();
    expect(s.muted).toBe(true);
  });

  it('does nothing for listeners', () => {
    const s = speaker(true, false);
    new Talk(s).down(0);
    expect(s.muted).toBe(true);
  });
});

describe('the key to talk', () => {
  const field = { closest: () => ({}) } as unknown as EventTarget;
  const page = { closest: () => null } as unknown as EventTarget;

  it('leaves alone who types, unless it writes nothing', () => {
    expect(keyIsTaken('Space', field)).toBe(true);
    expect(keyIsTaken('Space', page)).toBe(false);
    expect(keyIsTaken('F8', field)).toBe(false);
    expect(keyIsTaken('KeyT', field)).toBe(true);
  });

  it('is none that is needed otherwise', () => {
    for (const code of ['Space', 'F8', 'KeyT', 'Backquote', 'Numpad0', 'Pause']) expect(canTalkBy(code), code).toBe(true);
    for (const code of ['Escape', 'Tab', 'Enter', 'ArrowUp', 'ShiftLeft', 'ControlRight', '']) expect(canTalkBy(code), code).toBe(false);
  });

  it.each([['Space', 'Leertaste'], ['KeyT', 'T'], ['Digit1', '1'], ['Numpad0', 'Num 0'], ['F8', 'F8']])('%s is called %s', (code, name) => expect(keyName(code, 'Leertaste')).toBe(name));
});
