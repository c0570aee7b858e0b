import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Stream } from '$lib/api/types';
import { live } from './live.svelte';
import { Remote } from './remote.svelte';
import { Streams } from './streams.svelte';

const stream = (name: string, more = {}): Stream => ({
  ...{ name, groups: [], user: 'u', protocol: 'rtsp', since: '', tracks: [], readers: {}, bytesIn: 0, bytesOut: 0 },
  ...{ badUnits: 0, jumps: 0, bitrate: 0, viewers: 0, recording: false },
  ...more,
});
const names = (s: Streams) => s.all.map((one) => one.name);

afterEach(() => vi.unstubAllGlobals());

describe('Streams', () => {
  it('follows the live channel', () => {
    const s = new Streams();
    expect(s.known).toBe(false);
    live.emit({ kind: 'hello', time: '', data: { me: null as never, streams: [stream('cam10'), stream('cam2')] } });
    expect(s.known).toBe(true);
    expect(names(s), 'sorted as people count').toEqual(['cam2', 'cam10']);
    live.emit({ kind: 'stream.ready', time: '', data: stream('a') });
    live.emit({ kind: 'stream.ended', time: '', data: stream('cam2') });
    expect(names(s)).toEqual(['a', 'cam10']);
    live.emit({ kind: 'stream.stats', time: '', data: { streams: [{ name: 'a', bitrate: 5, viewers: 2 }, { name: 'nobody', bitrate: 1, viewers: 1 }] } });
    expect(s.get('a')).toMatchObject({ bitrate: 5, viewers: 2 });
    expect(names(s)).toHaveLength(2);
    live.emit({ kind: 'stream.ready', time: '', data: stream('a', { user: 'v' }) });
    expect(s.get('a'), 'a stream that changed keeps its rate until the next figures').toMatchObject({ user: 'v', bitrate: 5 });
    live.emit({ kind: 'hello', time: '', data: { me: null as never, streams: [stream('b')] } });
    expect(names(s), 'a new greeting replaces everything').toEqual(['b']);
  });

  it('loads anew when facts were dropped, and says when it cannot', async () => {
    const s = new Streams();
    vi.stubGlobal('fetch', async () => Response.json({ streams: [stream('x')] }));
    live.emit({ kind: 'lagged', time: '', data: {} });
    await vi.waitFor(() => expect(names(s)).toEqual(['x']));
    vi.stubGlobal('fetch', async () => Response.json({ detail: 'The store is closed.' }, { status: 503 }));
    await s.reload();
    expect(s.error).toBe('The store is closed.');
    expect(names(s), 'what was known stays').toEqual(['x']);
  });
});

describe('Remote', () => {
  it('drops an answer that a later question overtook', async () => {
    const waiting: ((v: string) => void)[] = [];
    const r = new Remote(() => new Promise<string>((resolve) => waiting.push(resolve)));
    const first = r.reload();
    const second = r.reload();
    waiting[1]!('new');
    await second;
    waiting[0]!('old');
    await first;
    expect(r.value).toBe('new');
    expect(r.loading).toBe(false);
  });

  it('keeps what it has when a reload fails', async () => {
    let fail = false;
    const r = new Remote(async () => {
      if (fail) throw new Error('No.');
      return 1;
    });
    await r.reload();
    fail = true;
    await r.reload();
    expect([r.value, r.error]).toEqual([1, 'No.']);
  });
});
