import { describe, expect, it } from 'vitest';
import { Talk } from './talk';

const speaker = (muted: boolean, canSpeak = true) => ({
  muted,
  canSpeak,
  setMuted(m: boolean) {
    this.muted = m;
    return Promise.resolve();
  },
});

describe('push-to-talk', () => {
  it.each([
    ['held, it talks', true, 0, 0, false],
    ['held and let go, it is silent', true, 900, 1, true],
    ['tapped, it stays on', true, 100, 1, false],
    ['tapped while on, it goes off', false, 100, 1, true],
    ['held while on, it ends in silence', false, 900, 1, true],
  ] as const)('%s', (_, muted, held, ups, after) => {
    const s = speaker(muted);
    const talk = new Talk(s);
    talk.down(1000);
    if (ups) talk.up(1000 + held);
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
