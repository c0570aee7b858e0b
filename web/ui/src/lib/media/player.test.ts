import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '$lib/api/client';
import type { Stream, Track } from '$lib/api/types';
import type { Feed, FeedEnd } from './feed';
import { Player } from './player.svelte';
import type { Transport } from './plan';

const h264: Track = { codec: 'H264', kind: 'video', detail: 'H264' };
const opus: Track = { codec: 'Opus', kind: 'audio', detail: 'Opus' };
const stream = (more: Partial<Stream> = {}): Stream => ({
  ...{ name: 'a', groups: [], user: 'u', protocol: 'rtsp', since: '1', tracks: [h264, opus], readers: {}, bytesIn: 0, bytesOut: 0 },
  ...{ badUnits: 0, jumps: 0, bitrate: 0, viewers: 0, recording: false },
  ...more,
});

class FakeFeed implements Feed {
  sound: boolean | null = true;
  closed = false;
  started!: () => void;
  refuse!: (e: unknown) => void;
  constructor(
    readonly transport: Transport,
    readonly end: (end: FeedEnd) => void,
  ) {}
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.started = resolve;
      this.refuse = reject;
    });
  }
  figures = async () => ({ bitrate: 1, latency: 2, width: 3, height: 4, loss: 0, lost: 0, fps: 5 });
  close() {
    this.closed = true;
  }
}

function setUp() {
  const feeds: FakeFeed[] = [];
  const video = { play: async () => {} } as HTMLVideoElement;
  const player = new Player(video, {
    abilities: () => ({ webrtc: new Set(['H264', 'Opus']), hls: new Set(['H264', 'H265', 'Opus', 'AAC']) }),
    makeFeed: (transport, _name, onEnd) => {
      const feed = new FakeFeed(transport, onEnd);
      feeds.push(feed);
      return feed;
    },
  });
  return { player, feeds, last: () => feeds.at(-1)! };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('Player', () => {
  it('plays over WebRTC and measures', async () => {
    const { player, last } = setUp();
    player.follow(stream());
    expect(player.state.kind).toBe('connecting');
    last().started();
    await settle();
    expect([player.state.kind, player.transport, player.why]).toEqual(['playing', 'webrtc', '']);
    await vi.advanceTimersByTimeAsync(1000);
    expect(player.figures?.bitrate).toBe(1);
    player.stop();
    expect(last().closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes over to HLS when WebRTC does not start, and says why', async () => {
    const { player, feeds, last } = setUp();
    player.follow(stream());
    last().refuse(new Error('UDP is blocked.'));
    await settle();
    expect(feeds[0]!.closed).toBe(true);
    last().started();
    await settle();
    expect([player.transport, player.why]).toEqual(['hls', 'UDP is blocked.']);
  });

  it('comes back over what worked, not over what did not', async () => {
    const { player, feeds, last } = setUp();
    player.follow(stream());
    last().refuse(new Error('UDP is blocked.'));
    await settle();
    last().started();
    await settle();
    last().end({ kind: 'failed', reason: 'HLS stopped.' });
    expect(player.state).toMatchObject({ kind: 'waiting', reason: 'HLS stopped.', retryAt: Date.now() + 1000 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(feeds.map((f) => f.transport)).toEqual(['webrtc', 'hls', 'hls']);
    player.retry();
    expect(last().transport, 'somebody who asks gets WebRTC again').toBe('webrtc');
  });

  it('waits longer and longer when nothing works, and tries everything each time', async () => {
    const { player, feeds, last } = setUp();
    player.follow(stream());
    const waits: number[] = [];
    for (let round = 0; round < 3; round++) {
      last().refuse(new Error('no'));
      await settle();
      last().refuse(new Error('no'));
      await settle();
      expect(player.state.kind).toBe('waiting');
      const before = Date.now();
      await vi.advanceTimersToNextTimerAsync();
      waits.push(Date.now() - before);
    }
    expect(waits).toEqual([1000, 2000, 4000]);
    expect(feeds.slice(0, 6).map((f) => f.transport)).toEqual(['webrtc', 'hls', 'webrtc', 'hls', 'webrtc', 'hls']);
  });

  it('does not try again what the person may not see', async () => {
    const { player, feeds, last } = setUp();
    player.follow(stream());
    last().refuse(new ApiError(403, 'Your groups do not reach this stream.'));
    await settle();
    expect(player.state).toEqual({ kind: 'failed', reason: 'Your groups do not reach this stream.' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(feeds).toHaveLength(1);
  });

  it('ends with its stream and starts with it', async () => {
    const { player, feeds, last } = setUp();
    player.follow(undefined);
    expect(player.state.kind).toBe('ended');
    player.follow(stream());
    last().started();
    await settle();
    player.follow(undefined);
    expect([player.state.kind, last().closed]).toEqual(['ended', true]);
    player.follow(stream({ since: '2' }));
    expect(feeds).toHaveLength(2);
  });

  it('is not disturbed by figures, but by a new publisher or new tracks', () => {
    const { player, feeds } = setUp();
    player.follow(stream());
    player.follow(stream({ bitrate: 7, viewers: 3 }));
    expect(feeds).toHaveLength(1);
    player.follow(stream({ since: '2' }));
    expect(feeds).toHaveLength(2);
    player.follow(stream({ since: '2', tracks: [{ ...h264, reordered: true }] }));
    expect(feeds.map((f) => f.transport)).toEqual(['webrtc', 'webrtc', 'hls']);
  });

  it('says when the sound is left out, and believes the server before its own guess', async () => {
    const { player, last } = setUp();
    player.follow(stream({ tracks: [h264, { codec: 'AAC', kind: 'audio', detail: 'AAC' }] }));
    last().sound = false;
    last().started();
    await settle();
    expect(player.silent).toContain('WebRTC cannot carry AAC');
    player.retry();
    last().started();
    await settle();
    expect(player.silent).toBe('');
  });

  it('ignores a feed it has left', async () => {
    const { player, feeds, last } = setUp();
    player.follow(stream());
    player.prefer('hls');
    feeds[0]!.end({ kind: 'failed', reason: 'late' });
    feeds[0]!.refuse(new Error('late'));
    last().started();
    await settle();
    expect([player.state.kind, player.transport]).toEqual(['playing', 'hls']);
  });
});
