import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoff, decode, LiveChannel, type LiveState } from './events';

class FakeSocket {
  onmessage: ((m: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  close() {
    this.closed = true;
  }
  say(event: unknown) {
    this.onmessage?.({ data: JSON.stringify(event) });
  }
}

function open() {
  const sockets: FakeSocket[] = [];
  const states: LiveState[] = [];
  const events: string[] = [];
  const refused = vi.fn();
  const channel = new LiveChannel({
    url: 'ws://x',
    onState: (s) => states.push(s),
    onEvent: (e) => events.push(e.kind),
    onRefused: refused,
    makeSocket: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    random: () => 0.5,
    silence: 20_000,
  });
  channel.start();
  return { channel, sockets, states, events, refused, last: () => states.at(-1)!.kind };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const hello = { kind: 'hello', time: '', data: { me: null, streams: [] } };

describe('LiveChannel', () => {
  it('is live with the first message, not before', () => {
    const c = open();
    expect(c.last()).toBe('connecting');
    c.sockets[0]!.say(hello);
    expect(c.last()).toBe('live');
    expect(c.events).toEqual(['hello']);
  });

  it('comes back after one second, then waits longer each time', () => {
    const c = open();
    c.sockets[0]!.say(hello);
    c.sockets[0]!.onclose!();
    expect(c.states.at(-1)).toMatchObject({ kind: 'waiting', retryAt: Date.now() + 1000 });
    vi.advanceTimersByTime(999);
    expect(c.sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(c.sockets).toHaveLength(2);
    c.sockets[1]!.onclose!();
    vi.advanceTimersByTime(1999);
    expect(c.sockets).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(c.sockets).toHaveLength(3);
    c.sockets[2]!.say(hello);
    c.sockets[2]!.onclose!();
    vi.advanceTimersByTime(1000);
    expect(c.sockets, 'a greeting starts the count anew').toHaveLength(4);
  });

  it('reports a refusal only when nothing was ever said', () => {
    const c = open();
    c.sockets[0]!.onclose!();
    expect(c.refused).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(1000);
    c.sockets[1]!.say(hello);
    c.sockets[1]!.onclose!();
    expect(c.refused).toHaveBeenCalledOnce();
  });

  it('takes silence for a dead line', () => {
    const c = open();
    c.sockets[0]!.say(hello);
    vi.advanceTimersByTime(19_000);
    c.sockets[0]!.say({ kind: 'stream.stats', time: '', data: { streams: [] } });
    vi.advanceTimersByTime(19_000);
    expect(c.last()).toBe('live');
    vi.advanceTimersByTime(1000);
    expect(c.last()).toBe('waiting');
    expect(c.sockets[0]!.closed).toBe(true);
  });

  it('ignores a socket it has given up', () => {
    const c = open();
    c.sockets[0]!.say(hello);
    c.channel.stop();
    c.sockets[0]!.say(hello);
    c.sockets[0]!.onclose?.();
    vi.advanceTimersByTime(60_000);
    expect(c.events).toEqual(['hello']);
    expect(c.sockets).toHaveLength(1);
    expect(c.last()).toBe('off');
  });

  it('hurries when the network is back', () => {
    const c = open();
    c.sockets[0]!.onclose!();
    c.channel.hurry();
    expect(c.sockets).toHaveLength(2);
    c.channel.hurry();
    expect(c.sockets, 'one try at a time').toHaveLength(2);
  });
});

it('never waits longer than fifteen seconds', () => {
  expect([0, 1, 2, 3, 4, 50].map(backoff)).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
});

it.each([['not json'], ['null'], ['42'], ['{}'], [new ArrayBuffer(2)]])('does not trip over %j', (data) => expect(decode(data)).toBeNull());
