import { describe, expect, it } from 'vitest';
import type { Stream } from '$lib/api/types';
import { feedOf, streamName } from './feeds';

describe('the stream of a video address', () => {
  it.each([
    ['rtsp://muster.example.org:8554/uas/north/eo', 'uas/north/eo'],
    ['rtsp://user:secret@10.0.0.1:8554/uas/north/eo?tcp', 'uas/north/eo'],
    ['https://muster.example.org/hls/uas/north/eo/index.m3u8', 'uas/north/eo'],
    ['https://muster.example.org/rtc/gate/whep', 'gate'],
    ['srt://10.0.0.1:8890?streamid=read:uas/north/eo:user:secret', 'uas/north/eo'],
    ['srt://10.0.0.1:8890?streamid=%23!::m=request,r=uas/north/eo,u=a', 'uas/north/eo'],
    ['no address', ''],
    ['', ''],
  ])('%s is %s', (url, name) => expect(streamName(url)).toBe(name));

  it('is none when nothing of that name is live', () => {
    const stream = { name: 'a/b' } as Stream;
    const get = (name: string) => (name === 'a/b' ? stream : undefined);
    expect(feedOf('rtsp://x/a/b', get)).toBe(stream);
    expect(feedOf('rtsp://x/other', get)).toBeNull();
    expect(feedOf(undefined, get)).toBeNull();
  });
});
