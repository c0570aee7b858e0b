/**
 * Still pictures: one key frame of each stream, decoded by one <video> at a time and drawn into the
 * canvas of its tile, so that twenty-five tiles cost one decoder.
 */
import { pathOf } from '$lib/api/client';

/** drawn: the canvas holds the newest picture; none: there is none yet; undecodable: this browser cannot. */
export type StillResult = 'drawn' | 'none' | 'undecodable' | 'error';

/** Longest time to decode one picture (ms). */
const decodeTimeout = 4_000;

/** Widest canvas of a still (pixels); a tile is rarely wider, and memory is not free. */
const widest = 1280;

/** One picture is decoded at a time; who asks meanwhile waits in line. At most one entry per tile. */
let line: Promise<unknown> = Promise.resolve();

export class Still {
  #url: string;
  #etag = '';

  constructor(name: string) {
    this.#url = `/api/v1/stills/${pathOf(name)}`;
  }

  /** Draws the newest key frame into canvas. */
  async draw(canvas: HTMLCanvasElement, signal: AbortSignal): Promise<StillResult> {
    let clip: Blob;
    let etag: string;
    try {
      const response = await fetch(this.#url, { credentials: 'same-origin', cache: 'no-cache', signal });
      if (response.status === 404) return 'none';
      if (!response.ok) return 'error';
      etag = response.headers.get('ETag') ?? '';
      if (etag && etag === this.#etag) {
        await response.body?.cancel();
        return 'drawn';
      }
      clip = await response.blob();
    } catch {
      return 'error';
    }
    const mine = line.then(() => (signal.aborted ? 'error' : decodeInto(canvas, clip)));
    line = mine.catch(() => undefined);
    const result = await mine;
    if (result === 'drawn') this.#etag = etag;
    return result;
  }
}

async function decodeInto(canvas: HTMLCanvasElement, clip: Blob): Promise<StillResult> {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.preload = 'auto';
  const url = URL.createObjectURL(clip);
  try {
    video.src = url;
    const loaded = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), decodeTimeout);
      video.onloadeddata = () => {
        clearTimeout(timer);
        resolve(true);
      };
      video.onerror = () => {
        clearTimeout(timer);
        resolve(false);
      };
      video.load();
    });
    if (!loaded || video.videoWidth === 0) return 'undecodable';
    const scale = Math.min(1, widest / video.videoWidth);
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    return 'drawn';
  } finally {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(url);
  }
}
