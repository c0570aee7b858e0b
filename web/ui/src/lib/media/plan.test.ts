import { describe, expect, it } from 'vitest';
import type { Track } from '$lib/api/types';
import { plan, silentBecause, type Abilities } from './plan';

const can: Abilities = { webrtc: new Set(['H264', 'VP8', 'VP9', 'Opus', 'G711']), hls: new Set(['H264', 'H265', 'AAC', 'Opus']) };
const nothing: Abilities = { webrtc: new Set(), hls: new Set() };
const track = (kind: Track['kind'], codec: string, reordered = false): Track => ({ kind, codec, detail: codec, reordered });
const h264 = track('video', 'H264');

describe('plan', () => {
  it('takes WebRTC when it can and has no excuse to make', () => {
    expect(plan([h264, track('audio', 'Opus')], 'auto', can)).toEqual({ transports: ['webrtc', 'hls'], why: '' });
  });
  it('takes HLS for H265 and says why', () => {
    const p = plan([track('video', 'H265')], 'auto', can);
    expect(p.transports).toEqual(['hls']);
    expect(p.why).toContain('cannot decode H265 over WebRTC');
  });
  it('takes HLS for B-frames and says why', () => {
    const p = plan([track('video', 'H264', true)], 'auto', can);
    expect(p.transports).toEqual(['hls']);
    expect(p.why).toContain('B-frames');
  });
  it('obeys a wish, and needs no excuse for it', () => {
    expect(plan([h264], 'hls', can)).toEqual({ transports: ['hls', 'webrtc'], why: '' });
  });
  it('plays VP8 over WebRTC even when HLS was wished for, and says why', () => {
    const p = plan([track('video', 'VP8')], 'hls', can);
    expect(p.transports).toEqual(['webrtc']);
    expect(p.why).toContain('cannot decode VP8 over HLS');
  });
  it('plays sound alone', () => expect(plan([track('audio', 'AAC')], 'auto', can).transports).toEqual(['hls']));
  it('says both reasons when nothing works', () => {
    const p = plan([track('video', 'MPEG-4 Video')], 'auto', can);
    expect(p.transports).toEqual([]);
    expect(p.why).toContain('over WebRTC');
    expect(p.why).toContain('over HLS');
  });
  it('knows an empty stream and an empty browser', () => {
    expect(plan([track('data', 'KLV')], 'auto', can).why).toBe('The stream has neither picture nor sound.');
    expect(plan([h264], 'auto', nothing).why).toBe('This browser has no WebRTC. This browser has no HLS.');
  });
});

describe('silentBecause', () => {
  it('warns of AAC over WebRTC', () => expect(silentBecause([h264, track('audio', 'AAC')], 'webrtc', can)).toContain('Choose HLS'));
  it('is quiet where there is sound, or none to miss', () => {
    expect(silentBecause([h264, track('audio', 'AAC')], 'hls', can)).toBe('');
    expect(silentBecause([h264], 'webrtc', can)).toBe('');
  });
});
