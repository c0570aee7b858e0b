import { beforeEach, describe, expect, it, vi } from 'vitest';

const made: FakeSession[] = [];

class FakeSession {
  phase: { kind: string; code?: string; reason?: string } = { kind: 'out' };
  wish: { room: string; listen: boolean } | null = null;
  listens = false;
  constructor() {
    made.push(this);
  }
  async join(wish: { room: string; listen: boolean }) {
    this.wish = wish;
    this.listens = wish.listen;
    this.phase = { kind: 'in' };
  }
  async setListens(on: boolean) {
    this.listens = on;
    return true;
  }
  leave() {
    this.phase = { kind: 'out' };
  }
}

vi.mock('$lib/rooms/room.svelte', () => ({ RoomSession: FakeSession }));
vi.mock('$lib/rooms/devices', () => ({ recallDevices: () => ({}) }));
vi.mock('./session.svelte', () => ({ session: { me: { user: 'anna', groups: [{ group: 'red', in: true, out: true }, { group: 'blue', in: false, out: true }] }, isAdmin: false } }));
vi.mock('./conferences.svelte', () => ({ conferences: { list: [] } }));

const { maySpeak, mostMonitored, radio } = await import('./radio.svelte');
const { inRoom } = await import('./inroom.svelte');

/** Which rooms are heard, in order of their names; the one with a star is talked in. */
const heard = () => made.filter((s) => s.phase.kind === 'in').map((s) => `${s.wish!.room}${s.listens ? '' : '*'}`).sort().join(' ');

describe('the radio', () => {
  beforeEach(() => {
    inRoom.leave();
    radio.end();
    made.length = 0;
  });

  it('talks in one channel and listens to others', async () => {
    radio.monitor('bravo', true);
    await radio.talk('alpha');
    expect(heard()).toBe('alpha* bravo');
    expect(radio.talkRoom).toBe('alpha');
  });

  it('leaves a channel that is not listened to when it talks in another', async () => {
    await radio.talk('alpha');
    await radio.talk('bravo');
    expect(heard()).toBe('bravo*');
  });

  it('changes over to a channel that it hears without entering it anew, and goes on listening to the one before', async () => {
    radio.monitor('alpha', true);
    radio.monitor('bravo', true);
    await radio.talk('alpha');
    await radio.talk('bravo');
    await radio.settle();
    expect(heard()).toBe('alpha bravo*');
    expect(made.filter((s) => s.wish?.room === 'bravo').length).toBe(1);
    await radio.quiet();
    await radio.settle();
    expect(heard()).toBe('alpha bravo');
  });

  it('does not listen to more than it can', async () => {
    for (let i = 0; i <= mostMonitored; i++) radio.monitor(`room${i}`, true);
    await radio.settle();
    expect(radio.wanted.length).toBe(mostMonitored);
    expect(made.length).toBe(mostMonitored);
  });

  it('goes on listening where it is moved', async () => {
    radio.monitor('bravo', true);
    await radio.settle();
    made[0]!.wish = { room: 'charlie', listen: true };
    await radio.settle();
    expect(radio.wanted).toEqual(['charlie']);
    expect(heard()).toBe('charlie');
    expect(made.length).toBe(1);
  });

  it('does not hear twice where it is moved', async () => {
    radio.monitor('bravo', true);
    await radio.talk('charlie');
    made.find((s) => s.listens)!.wish = { room: 'charlie', listen: true };
    await radio.settle();
    expect(heard()).toBe('charlie*');
  });

  it('does not come back where it was shown out', async () => {
    radio.monitor('bravo', true);
    await radio.settle();
    made[0]!.phase = { kind: 'ended', code: 'kicked', reason: '' };
    await radio.settle();
    expect(radio.wanted).toEqual([]);
    expect(heard()).toBe('');
  });

  it('speaks where its groups do', () => {
    expect(maySpeak({ groups: ['red'], host: false })).toBe(true);
    expect(maySpeak({ groups: ['blue'], host: false })).toBe(false);
    expect(maySpeak({ groups: ['blue'], host: true })).toBe(true);
  });
});
