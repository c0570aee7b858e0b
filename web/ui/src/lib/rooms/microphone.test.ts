import { describe, expect, it } from 'vitest';
import { Microphone } from './microphone';

/** A server that answers when it is told to. */
function setting() {
  const told: boolean[] = [];
  const answers: (() => void)[] = [];
  const shown: boolean[] = [];
  const microphone = new Microphone({
    tell: (muted) => {
      told.push(muted);
      return new Promise((done) => answers.push(done));
    },
    send: () => Promise.resolve(),
    onMuted: (muted) => shown.push(muted),
    onLevel: () => {},
    onGone: () => {},
  });
  // Meters need a browser; without one they stay silent.
  microphone.take({ enabled: false, stop: () => {}, addEventListener: () => {} } as unknown as MediaStreamTrack);
  const answer = async () => {
    for (let i = 0; i < 5 && answers.length === 0; i++) await Promise.resolve();
    answers.shift()!();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { microphone, told, shown, answer };
}

describe('the microphone', () => {
  it('says what was wanted last, one thing at a time', async () => {
    const { microphone, told, answer } = setting();
    const done = microphone.set(false);
    void microphone.set(true);
    void microphone.set(false);
    void microphone.set(true);
    await answer();
    await answer();
    await done;
    expect(told).toEqual([false, true]);
    expect(microphone.track?.enabled).toBe(false);
  });

  it('does not take an old word of the server for a new one', async () => {
    const { microphone, answer } = setting();
    const done = microphone.set(false);
    microphone.heard(true);
    expect(microphone.muted).toBe(false);
    await answer();
    await done;
    microphone.heard(true);
    expect(microphone.muted).toBe(true);
  });

  it('can be switched on again after a host has muted it', async () => {
    const { microphone, told, answer } = setting();
    const on = microphone.set(false);
    await answer();
    await on;
    microphone.quiet();
    expect(microphone.track?.enabled).toBe(false);
    const again = microphone.set(false);
    await answer();
    await again;
    expect(told).toEqual([false, false]);
  });
});
