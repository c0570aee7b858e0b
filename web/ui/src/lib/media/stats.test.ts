import { describe, expect, it } from 'vitest';
import { figures, inbound, outbound, sending } from './stats';

const video = (at: number, more = {}) => ({
  ...{ type: 'inbound-rtp', kind: 'video', timestamp: at, bytesReceived: 0, packetsReceived: 0, packetsLost: 0, framesDecoded: 0 },
  ...{ frameWidth: 1280, frameHeight: 720, jitterBufferDelay: 0, jitterBufferEmittedCount: 0 },
  ...more,
});
const audio = (at: number, more = {}) => ({ type: 'inbound-rtp', kind: 'audio', timestamp: at, bytesReceived: 0, packetsReceived: 0, packetsLost: 0, ...more });
const pair = { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.04 };

describe('inbound figures', () => {
  it('measures what happened between two looks', () => {
    const a = inbound([video(1000, { bytesReceived: 1000, jitterBufferDelay: 1, jitterBufferEmittedCount: 10, packetsReceived: 100 }), audio(1000), pair]);
    const b = inbound([
      video(2000, { bytesReceived: 251_000, jitterBufferDelay: 4, jitterBufferEmittedCount: 40, packetsReceived: 196, packetsLost: 4, framesDecoded: 30 }),
      audio(2000, { bytesReceived: 0 }),
      pair,
    ]);
    expect(figures(a, b)).toEqual({ bitrate: 2_000_000, latency: 120, width: 1280, height: 720, loss: 0.04, lost: 4, fps: 30 });
  });
  it('knows nothing at the first look and after a stall', () => {
    const a = inbound([video(1000), pair]);
    expect(figures(null, a)).toMatchObject({ bitrate: 0, latency: 0, fps: 0 });
    expect(figures(a, inbound([video(2000), pair]))).toMatchObject({ bitrate: 0, latency: 0, loss: 0 });
  });
  it('takes the buffer of the sound where there is no picture', () => {
    const a = inbound([audio(1000, { jitterBufferDelay: 48, jitterBufferEmittedCount: 960 })]);
    expect(figures(null, a).latency).toBe(50);
  });
  it('does not mind negative loss and missing fields', () => {
    const a = inbound([{ type: 'inbound-rtp', kind: 'video', timestamp: 1, packetsLost: -3 }]);
    expect(figures(null, a)).toMatchObject({ lost: 0, loss: 0 });
  });
});

describe('outbound figures', () => {
  it('adds up what is sent and reads what the far end reports', () => {
    const report = (at: number, bytes: number) => [
      { type: 'outbound-rtp', kind: 'video', timestamp: at, bytesSent: bytes, framesEncoded: at / 100, frameWidth: 640, frameHeight: 360, qualityLimitationReason: 'bandwidth', codecId: 'C1' },
      { type: 'outbound-rtp', kind: 'audio', timestamp: at, bytesSent: 0 },
      { type: 'codec', id: 'C1', mimeType: 'video/H264' },
      { type: 'remote-inbound-rtp', kind: 'video', fractionLost: 0.04, roundTripTime: 0.05 },
    ];
    const a = outbound(report(1000, 0));
    const b = outbound(report(2000, 125_000));
    expect(b).toMatchObject({ loss: 0.04, rtt: 0.05, limit: 'bandwidth', codec: 'H264', width: 640 });
    expect(sending(a, b)).toEqual({ bitrate: 1_000_000, fps: 10 });
    expect(sending(null, b)).toEqual({ bitrate: 0, fps: 0 });
  });
});
