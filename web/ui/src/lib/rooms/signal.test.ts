import { afterEach, describe, expect, it, vi } from 'vitest';
import { Signal } from './signal';

/** A connection whose other end is the test. */
class Line {
  static OPEN = 1;
  static all: Line[] = [];
  readyState = 1;
  sent: { id: number; type: string }[] = [];
  onmessage: (e: { data: string }) => void = () => {};
  onclose: () => void = () => {};

  constructor() {
    Line.all.push(this);
  }

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  say(m: unknown) {
    this.onmessage({ data: JSON.stringify(m) });
  }

  close() {
    this.readyState = 3;
    this.onclose();
  }
}

const hello = (resumed: boolean) => ({ type: 'hello', data: { key: 'K', resume: 15, resumed } });

describe('the connection to the notification server', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
    Line.all = [];
  });

  function begin() {
    vi.useFakeTimers();
    vi.stubGlobal('WebSocket', Line);
    vi.stubGlobal('location', { href: 'https://muster.example/rooms' });
    return new Signal();
  }

  it('asks again what was not answered when it was lost', async () => {
    const signal = begin();
    const muted = signal.ask('mute', { on: false });
    expect(Line.all[0]!.sent).toEqual([]); // not before the server has said hello
    Line.all[0]!.say(hello(false));
    const answered = signal.ask('hand', { on: true });
    Line.all[0]!.say({ re: 2, type: 'ok' });
    await answered;
    Line.all[0]!.close();
    await vi.advanceTimersByTimeAsync(1);
    Line.all[1]!.say(hello(true));
    expect(Line.all[1]!.sent.map((m) => `${m.id} ${m.type}`)).toEqual(['1 mute']);
    Line.all[1]!.say({ re: 1, type: 'ok' });
    await muted;
  });

  it('gives up what a session was asked that is gone', async () => {
    const signal = begin();
    Line.all[0]!.say(hello(false));
    const muted = signal.ask('mute', { on: false });
    const refused = expect(muted).rejects.toMatchObject({ code: 'offline' });
    Line.all[0]!.close();
    await vi.advanceTimersByTimeAsync(1);
    Line.all[1]!.say(hello(false));
    await refused;
    expect(Line.all[1]!.sent).toEqual([]);
  });
});
