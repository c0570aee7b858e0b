/** How the connection is, and why, from what the browser measures. */

/** What has been counted up to a moment. */
export interface Sample {
  /** Packets that came, and that did not. */
  received: number;
  lost: number;
  /** The share (0 to 1) that the server says it lost of what was sent, and how long the way there and back takes (s). */
  lostUp: number;
  rtt: number;
  /** What may be sent (bit/s); 0 when nobody knows. */
  uplink: number;
  /** Why the own picture is smaller than it could be. */
  limit: 'none' | 'bandwidth' | 'cpu';
}

export type Grade = 'good' | 'weak' | 'bad';
export type Cause = '' | 'up' | 'down' | 'slow' | 'narrow' | 'busy';

export interface Verdict {
  grade: Grade;
  cause: Cause;
  /** Of the cause: a share (up, down), seconds (slow) or bit/s (narrow). */
  figure: number;
}

export const good: Verdict = { grade: 'good', cause: '', figure: 0 };

/** Bits per second that carry a usable picture. */
const usable = 250_000;

/** Judges what happened between two samples; the worst reason is told. */
export function judge(before: Sample, now: Sample): Verdict {
  const lost = Math.max(0, now.lost - before.lost);
  const received = Math.max(0, now.received - before.received);
  const down = lost + received > 0 ? lost / (lost + received) : 0;
  const found: Verdict[] = [
    { grade: grade(now.lostUp, 0.03, 0.1), cause: 'up', figure: now.lostUp },
    { grade: grade(down, 0.03, 0.1), cause: 'down', figure: down },
    { grade: grade(now.rtt, 0.4, 1), cause: 'slow', figure: now.rtt },
  ];
  // A large picture takes as much as there is; what is less than a usable one is worth telling.
  if (now.limit === 'bandwidth' && now.uplink > 0 && now.uplink < usable) found.push({ grade: now.uplink < 150_000 ? 'bad' : 'weak', cause: 'narrow', figure: now.uplink });
  if (now.limit === 'cpu') found.push({ grade: 'weak', cause: 'busy', figure: 0 });
  return found.find((v) => v.grade === 'bad') ?? found.find((v) => v.grade === 'weak') ?? good;
}

const grade = (value: number, weak: number, bad: number): Grade => (value > bad ? 'bad' : value > weak ? 'weak' : 'good');

/** Reads a sample from the report of a peer connection. */
export function sampleOf(report: Iterable<Record<string, unknown>>): Sample {
  const s: Sample = { received: 0, lost: 0, lostUp: 0, rtt: 0, uplink: 0, limit: 'none' };
  const number = (v: unknown) => (typeof v === 'number' && Number.isFinite(v) ? v : 0);
  for (const e of report) {
    if (e.type === 'inbound-rtp') {
      s.received += number(e.packetsReceived);
      s.lost += number(e.packetsLost);
    } else if (e.type === 'remote-inbound-rtp') {
      s.lostUp = Math.max(s.lostUp, number(e.fractionLost));
    } else if (e.type === 'candidate-pair' && e.nominated) {
      s.rtt = Math.max(s.rtt, number(e.currentRoundTripTime));
      s.uplink = Math.max(s.uplink, number(e.availableOutgoingBitrate));
    } else if (e.type === 'outbound-rtp' && e.kind === 'video' && e.active !== false) {
      if (e.qualityLimitationReason === 'cpu') s.limit = 'cpu';
      else if (e.qualityLimitationReason === 'bandwidth' && s.limit === 'none') s.limit = 'bandwidth';
    }
  }
  return s;
}
