import { describe, expect, it } from 'vitest';
import { judge, sampleOf, type Sample } from './quality';

const calm: Sample = { received: 1000, lost: 0, lostUp: 0, rtt: 0.05, uplink: 2_000_000, limit: 'none' };
const then = (change: Partial<Sample>): Sample => ({ ...calm, received: 2000, ...change });

describe('the verdict on a connection', () => {
  it.each([
    ['nothing wrong', {}, 'good', '', 0],
    ['a little loss', { lost: 10 }, 'good', '', 0],
    ['loss on the way here', { lost: 64 }, 'weak', 'down', 0.06],
    ['much loss on the way here', { lost: 400 }, 'bad', 'down', 0.286],
    ['loss on the way out', { lostUp: 0.04 }, 'weak', 'up', 0.04],
    ['a long way', { rtt: 0.6 }, 'weak', 'slow', 0.6],
    ['a narrow uplink', { limit: 'bandwidth', uplink: 200_000 }, 'weak', 'narrow', 200_000],
    ['an uplink for sound only', { limit: 'bandwidth', uplink: 90_000 }, 'bad', 'narrow', 90_000],
    ['a slow device', { limit: 'cpu' }, 'weak', 'busy', 0],
    ['the worst first', { rtt: 0.6, lostUp: 0.2 }, 'bad', 'up', 0.2],
    ['counters that began anew', { received: 5, lost: 0 }, 'good', '', 0],
  ] as const)('%s', (_, change, grade, cause, figure) => {
    const v = judge(calm, then(change as Partial<Sample>));
    expect([v.grade, v.cause]).toEqual([grade, cause]);
    expect(v.figure).toBeCloseTo(figure, 2);
  });

  it('is read from what browsers report', () => {
    const s = sampleOf([
      { type: 'inbound-rtp', packetsReceived: 90, packetsLost: 10 },
      { type: 'inbound-rtp', packetsReceived: 10 },
      { type: 'remote-inbound-rtp', fractionLost: 0.2 },
      { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 },
      { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.1, availableOutgoingBitrate: 500 },
      { type: 'outbound-rtp', kind: 'video', qualityLimitationReason: 'bandwidth' },
      { type: 'outbound-rtp', kind: 'video', active: false, qualityLimitationReason: 'cpu' },
    ]);
    expect(s).toEqual({ received: 100, lost: 10, lostUp: 0.2, rtt: 0.1, uplink: 500, limit: 'bandwidth' });
  });
});
