import { call } from '$lib/api/client';
import { rooms, type Transmission } from '$lib/api/rooms';

/** Where what was said in a room in the last minutes is heard again. */
export interface Replay {
  /** The oldest first. */
  list: () => Promise<Transmission[]>;
  /** Addresses of one thing that was said, and of all. */
  of: (id: string) => string;
  all: () => string;
}

/** For who is logged in. */
export const replayOf = (room: string): Replay => ({
  list: async () => (await rooms.replay(room)).transmissions,
  of: (id) => rooms.replayOf(room, id),
  all: () => rooms.replayAll(room),
});

/** For whoever is in the room, guests too: key is that of the session. */
export const replayHere = (key: () => string): Replay => {
  const base = () => `/notify/sessions/${encodeURIComponent(key())}/replay`;
  return {
    list: async () => (await call<{ transmissions: Transmission[] }>('GET', base())).transmissions,
    of: (id) => `${base()}/${encodeURIComponent(id)}`,
    all: () => `${base()}/all`,
  };
};
