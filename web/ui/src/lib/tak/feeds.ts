/** Which of the server's own streams a video address of the situation means. Pure. */
import type { Stream } from '$lib/api/types';

/** The path of a video address as a stream name: without marks of the protocol around it. */
export function streamName(url: string): string {
  let parsed: URL;
  try {
    // Browsers take only web addresses apart; the scheme does not matter here.
    parsed = new URL(url.replace(/^[a-z0-9+.-]+:/i, 'http:'));
  } catch {
    return '';
  }
  const id = parsed.searchParams.get('streamid') ?? '';
  if (id) return /^(?:#!::.*?r=)?(?:read:|publish:)?([^:,?]+)/.exec(id)?.[1] ?? '';
  const path = decode(parsed.pathname).replace(/^\/+|\/+$/g, '');
  return path.replace(/^(?:hls|rtc)\//, '').replace(/\/(?:whep|index\.m3u8|stream\.m3u8)$/, '');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The live stream that the address leads to, or null. */
export function feedOf(url: string | undefined, get: (name: string) => Stream | undefined): Stream | null {
  if (!url) return null;
  const name = streamName(url);
  return (name && get(name)) || null;
}
