import { afterEach, describe, expect, it, vi } from 'vitest';
import { api, ApiError, pathOf, problemOf, whenUnauthorized, wholeStream } from './client';
import type { Stream } from './types';

const problem = (status: number, body: unknown, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/problem+json', ...headers } });

afterEach(() => {
  vi.unstubAllGlobals();
  whenUnauthorized(() => {});
});

describe('problemOf', () => {
  it('says what the server said', async () => {
    const e = await problemOf(problem(409, { title: 'Conflict', detail: 'There is a user bob already.' }));
    expect([e.status, e.message]).toEqual([409, 'There is a user bob already.']);
  });
  it('has words where the server had none', async () => {
    const e = await problemOf(new Response('<html>', { status: 502, headers: { 'Content-Type': 'text/html' } }));
    expect(e.message).toContain('The server could not do this');
  });
  it('survives broken JSON and names the wait', async () => {
    const e = await problemOf(new Response('{', { status: 429, headers: { 'Content-Type': 'application/json', 'Retry-After': '30' } }));
    expect([e.retryAfter, e.message]).toEqual([30, 'Too many tries. Wait 30 seconds.']);
  });
});

describe('api', () => {
  it('tells of a lost session, but not of a failed login', async () => {
    const told = vi.fn();
    whenUnauthorized(told);
    vi.stubGlobal('fetch', async () => problem(401, { detail: 'Log in first.' }));
    await expect(api.login('a', 'b')).rejects.toBeInstanceOf(ApiError);
    expect(told).not.toHaveBeenCalled();
    await expect(api.streams()).rejects.toMatchObject({ status: 401 });
    expect(told).toHaveBeenCalledOnce();
  });

  it('has a sentence for no network', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('fetch failed');
    });
    await expect(api.me()).rejects.toMatchObject({ status: 0, message: expect.stringContaining('cannot be reached') });
  });

  it('turns null lists into lists', async () => {
    vi.stubGlobal('fetch', async () => Response.json({ streams: null }));
    expect(await api.streams()).toEqual([]);
  });

  it('keeps the slashes of names and escapes the rest', async () => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (url: string) => {
      asked.push(url);
      return new Response(null, { status: 204 });
    });
    await api.endStream('a/b c');
    await api.removeUser('x/y');
    expect(asked).toEqual(['/api/v1/streams/a/b%20c', '/api/v1/users/x%2Fy']);
    expect(pathOf('a~b/c')).toBe('a~b/c');
  });
});

it('completes a stream as the hub describes it', () => {
  const bare = { name: 'a', groups: null, tracks: null, readers: { rtsp: 2, whep: 1 } } as unknown as Stream;
  expect(wholeStream(bare)).toMatchObject({ groups: [], tracks: [], bitrate: 0, viewers: 3 });
});
