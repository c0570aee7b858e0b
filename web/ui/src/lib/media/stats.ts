/** Turns RTCStatsReport into the few figures people read. Pure: two samples in, figures out. */

export interface InboundSample {
  at: number;
  bytes: number;
  packets: number;
  lost: number;
  frames: number;
  width: number;
  height: number;
  /** Seconds that all emitted frames together waited, and how many they were. */
  buffered: number;
  emitted: number;
  /** Round trip, seconds. */
  rtt: number;
}

export interface Figures {
  /** Bits per second. */
  bitrate: number;
  /** Delay in ms; 0 when unknown. */
  latency: number;
  width: number;
  height: number;
  /** Share of packets lost since the last sample, and packets lost in all. */
  loss: number;
  lost: number;
  /** Frames per second. */
  fps: number;
}

type Entry = Record<string, unknown>;

const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

/** Works on any list of stats entries, so that tests need no browser. */
export function inbound(entries: Iterable<Entry>): InboundSample {
  const sample: InboundSample = { at: 0, bytes: 0, packets: 0, lost: 0, frames: 0, width: 0, height: 0, buffered: 0, emitted: 0, rtt: 0 };
  for (const e of entries) {
    if (e.type === 'inbound-rtp') {
      sample.at = Math.max(sample.at, number(e.timestamp));
      sample.bytes += number(e.bytesReceived);
      sample.packets += number(e.packetsReceived);
      sample.lost += number(e.packetsLost);
      if (e.kind === 'video') {
        sample.frames = number(e.framesDecoded);
        sample.width = number(e.frameWidth);
        sample.height = number(e.frameHeight);
      }
      // Without a picture the sound's buffer is the one that counts.
      if (e.kind === 'video' || sample.emitted === 0) {
        sample.buffered = number(e.jitterBufferDelay);
        sample.emitted = number(e.jitterBufferEmittedCount);
      }
    } else if (e.type === 'candidate-pair' && e.nominated === true && e.state === 'succeeded') {
      sample.rtt = number(e.currentRoundTripTime);
    }
  }
  return sample;
}

export function figures(before: InboundSample | null, now: InboundSample): Figures {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const per = (after: number, earlier: number) => (seconds > 0 ? Math.max(0, after - earlier) / seconds : 0);
  const emitted = now.emitted - (before?.emitted ?? 0);
  const waited = emitted > 0 ? (now.buffered - (before?.buffered ?? 0)) / emitted : 0;
  const lost = Math.max(0, now.lost - (before?.lost ?? 0));
  const packets = Math.max(0, now.packets - (before?.packets ?? 0));
  return {
    bitrate: per(now.bytes, before?.bytes ?? 0) * 8,
    latency: emitted > 0 ? waited * 1000 + (now.rtt * 1000) / 2 : 0,
    width: now.width,
    height: now.height,
    loss: lost + packets > 0 ? lost / (lost + packets) : 0,
    lost: Math.max(0, now.lost),
    fps: per(now.frames, before?.frames ?? 0),
  };
}

export interface OutboundSample {
  at: number;
  bytes: number;
  frames: number;
  width: number;
  height: number;
  /** What the far end reports: share of packets lost, and round trip in seconds. */
  loss: number;
  rtt: number;
  limit: 'none' | 'cpu' | 'bandwidth' | 'other';
  codec: string;
}

export function outbound(entries: Iterable<Entry>): OutboundSample {
  const list = [...entries];
  const s: OutboundSample = { at: 0, bytes: 0, frames: 0, width: 0, height: 0, loss: 0, rtt: 0, limit: 'none', codec: '' };
  for (const e of list) {
    if (e.type === 'outbound-rtp') {
      s.at = Math.max(s.at, number(e.timestamp));
      s.bytes += number(e.bytesSent);
      if (e.kind === 'video') {
        s.frames = number(e.framesEncoded);
        s.width = number(e.frameWidth);
        s.height = number(e.frameHeight);
        const limit = e.qualityLimitationReason;
        s.limit = limit === 'cpu' || limit === 'bandwidth' || limit === 'other' ? limit : 'none';
        const codec = list.find((c) => c.type === 'codec' && c.id === e.codecId);
        s.codec = String(codec?.mimeType ?? '').replace(/^video\//i, '');
      }
    } else if (e.type === 'remote-inbound-rtp') {
      s.loss = Math.max(s.loss, number(e.fractionLost));
      s.rtt = Math.max(s.rtt, number(e.roundTripTime));
    } else if (e.type === 'candidate-pair' && e.nominated === true && e.state === 'succeeded' && s.rtt === 0) {
      s.rtt = number(e.currentRoundTripTime);
    }
  }
  return s;
}

/** Bits and frames per second between two samples. */
export function sending(before: OutboundSample | null, now: OutboundSample): { bitrate: number; fps: number } {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  if (!before || seconds <= 0) return { bitrate: 0, fps: 0 };
  return {
    bitrate: (Math.max(0, now.bytes - before.bytes) * 8) / seconds,
    fps: Math.max(0, now.frames - before.frames) / seconds,
  };
}

/** The entries of a report, for the functions above. */
export async function entriesOf(pc: RTCPeerConnection): Promise<Entry[]> {
  const list: Entry[] = [];
  (await pc.getStats()).forEach((entry: Entry) => list.push(entry));
  return list;
}
