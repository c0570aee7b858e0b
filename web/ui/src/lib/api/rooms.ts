/** Rooms and invitations over REST. */
import type { Kind, Role } from '$lib/rooms/protocol';
import { call, enc, run } from './client';

export interface Present {
  id: string;
  name: string;
  kind: Kind;
  role: Role;
}

export interface ConferenceRoom {
  name: string;
  title: string;
  groups: string[];
  owner: string;
  hosts: string[];
  host: boolean;
  pin?: string;
  number: string;
  permanent: boolean;
  lobby: boolean;
  locked: boolean;
  capacity: number;
  entry: 'speaker' | 'listener';
  /** Seconds that one may talk at a time, 0: as long as one likes. Not there: the server knows no such thing. */
  floor?: number;
  /** Seconds of sound that are kept; 0: none. */
  replay?: number;
  stream: string;
  /** Where Mumble clients find its channel. */
  mumble?: string;
  starts?: string;
  ends?: string;
  /** Of a breakout room: the room it was split from. */
  parent?: string;
  present: Present[];
}

/** What can be set; what is left out stays as it is. */
export interface RoomSettings {
  title?: string;
  groups?: string[];
  pin?: string;
  number?: string;
  permanent?: boolean;
  lobby?: boolean;
  capacity?: number;
  entry?: 'speaker' | 'listener';
  floor?: number;
  starts?: string;
  ends?: string;
}

/** What somebody said in a room. */
export interface Transmission {
  id: string;
  participant: string;
  name: string;
  user: string;
  kind: Kind;
  from: string;
  seconds: number;
}

export interface RoomInvitation {
  id: string;
  label: string;
  creator: string;
  created: string;
  expires: string;
  /** How often it may still be used; -1: any number. */
  uses: number;
  secret?: string;
}

/** A call that a room makes. */
export interface DialOut {
  id: string;
  to: string;
  by: string;
  state: 'calling' | 'ringing' | 'up' | 'over';
  /** Why it is over. */
  reason?: 'busy' | 'no-answer' | 'declined' | 'unknown' | 'cancelled' | 'ended' | 'failed';
}

/** Somebody in a room, as hosts see it. */
export interface RoomParticipant extends Present {
  /** Account; empty for guests, callers and streams. */
  user: string;
  waiting: boolean;
  muted: boolean;
  emergency?: boolean;
  since: string;
}

/** Somebody who is kept out of the voice server. */
export interface VoiceBan {
  id: string;
  user: string;
  certificate: string;
  name: string;
  reason: string;
  since: string;
  /** Left out: for good. */
  until?: string;
}

const participant = (room: string, id: string) => `/api/v1/rooms/${enc(room)}/participants/${enc(id)}`;

export const rooms = {
  list: async () => (await call<{ rooms: ConferenceRoom[] | null }>('GET', '/api/v1/rooms')).rooms ?? [],
  get: (name: string) => call<ConferenceRoom>('GET', `/api/v1/rooms/${enc(name)}`),
  add: (name: string, settings: RoomSettings) => call<ConferenceRoom>('POST', '/api/v1/rooms', { name, ...settings }),
  change: (name: string, settings: RoomSettings) => call<ConferenceRoom>('PATCH', `/api/v1/rooms/${enc(name)}`, settings),
  remove: (name: string) => run('DELETE', `/api/v1/rooms/${enc(name)}`),
  invitations: async (name: string) =>
    (await call<{ invitations: RoomInvitation[] | null }>('GET', `/api/v1/rooms/${enc(name)}/invitations`)).invitations ?? [],
  invite: (name: string, what: { label: string; hours: number; uses: number }) =>
    call<RoomInvitation>('POST', `/api/v1/rooms/${enc(name)}/invitations`, what),
  uninvite: (name: string, id: string) => run('DELETE', `/api/v1/rooms/${enc(name)}/invitations/${enc(id)}`),
  calls: async (name: string) => (await call<{ calls: DialOut[] | null }>('GET', `/api/v1/rooms/${enc(name)}/calls`)).calls ?? [],
  dial: (name: string, to: string) => call<DialOut>('POST', `/api/v1/rooms/${enc(name)}/calls`, { to }),
  hangUp: (name: string, id: string) => run('DELETE', `/api/v1/rooms/${enc(name)}/calls/${enc(id)}`),
  /** What was said in the last minutes, the oldest first. */
  replay: async (name: string) => {
    const r = await call<{ seconds: number; transmissions: Transmission[] | null }>('GET', `/api/v1/rooms/${enc(name)}/replay`);
    return { ...r, transmissions: r.transmissions ?? [] };
  },
  /** Where one thing that was said is heard, and where all of it. */
  replayOf: (name: string, id: string) => `/api/v1/rooms/${enc(name)}/replay/${enc(id)}`,
  replayAll: (name: string) => `/api/v1/rooms/${enc(name)}/replay/all`,
  participants: async (name: string) =>
    (await call<{ participants: RoomParticipant[] | null }>('GET', `/api/v1/rooms/${enc(name)}/participants`)).participants ?? [],
  mute: (room: string, id: string) => run('PATCH', participant(room, id), { muted: true }),
  showOut: (room: string, id: string) => run('DELETE', participant(room, id)),
  move: (room: string, id: string, to: string) => run('POST', `${participant(room, id)}/move`, { room: to }),
  bans: async () => (await call<{ bans: VoiceBan[] | null }>('GET', '/api/v1/voice/bans')).bans ?? [],
  ban: (user: string) => call<VoiceBan>('POST', '/api/v1/voice/bans', { user }),
  unban: (id: string) => run('DELETE', `/api/v1/voice/bans/${enc(id)}`),
  check: (invitation: string) => call<{ name: string; title: string; present?: Present[] | null }>('POST', '/api/v1/invitations/check', { invitation }),
};
