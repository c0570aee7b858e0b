/** What is said between a client and the notification server: docs/room-protocol.md. */

export type Role = 'listener' | 'speaker' | 'host';
export type Kind = 'browser' | 'sip' | 'stream' | 'mumble';
/** A composite belongs to nobody: it shows the whole room in one picture. */
export type VideoSource = 'camera' | 'screen' | 'stage' | 'composite';
export type Layout = 'grid' | 'speaker' | 'presenter';

export interface Member {
  id: string;
  name: string;
  user?: string;
  kind: Kind;
  role: Role;
  waiting?: boolean;
  /** Hears only, by its own wish. */
  listens?: boolean;
  muted: boolean;
  /** Asks everybody to let it speak. */
  emergency?: boolean;
  hand?: string;
  since: string;
}

export interface Track {
  id: string;
  participant: string;
  source: VideoSource;
  codec: string;
  layers: { width?: number; height?: number }[];
}

export interface RoomView {
  name: string;
  title: string;
  groups: string[];
  stream: string;
  number?: string;
  pin?: string;
  lobby: boolean;
  locked: boolean;
  recording: boolean;
  /** How many receive the room's stream. */
  watching?: number;
  layout: Layout;
  ends?: string;
  /** Of a breakout room: the room it was split from. */
  parent?: string;
  parentTitle?: string;
  /** Of this room, or those beside it; only what one may enter. */
  breakouts?: Breakout[];
  /** Everybody may move between them. */
  free?: boolean;
  /** Seconds that one may talk at a time; 0 or none: who talks is not controlled. */
  floor?: number;
  /** Seconds of sound that are kept; 0 or none: nothing is. */
  replay?: number;
}

/** Who has the word in a room with floor control. */
export interface Floor {
  /** Id of the participant; '' is nobody. */
  holder: string;
  since?: string;
  until?: string;
  emergency?: boolean;
}

/** One is not heard although one talks. */
export interface Busy {
  on: boolean;
  reason?: 'taken' | 'overridden' | 'limit';
}

export interface Breakout {
  name: string;
  title: string;
  present: number;
  /** Who is in; only hosts are told. */
  people?: { id: string; name: string; hand?: boolean }[];
}

/** Go to another room. */
export interface Move {
  room: string;
  title: string;
  /** Lets this side in once. */
  pass: string;
  until: string;
  /** To the room that this one was split from. */
  back: boolean;
}

export interface ChatMessage {
  id: string;
  from: string;
  name: string;
  to?: string;
  text: string;
  at: string;
  /** A host tells all breakout rooms at once. */
  announced?: boolean;
  /** Of the server itself, about an emergency; from is empty then. */
  notice?: { type: 'emergency' | 'cancelled'; kind: string; callsign: string };
}

export interface Speakers {
  active: string;
  slots: string[];
}

export interface RoomState {
  self: string;
  waiting: boolean;
  room: RoomView;
  participants: Member[];
  tracks: Track[];
  speakers: Speakers;
  chat: ChatMessage[];
  floor?: Floor;
}

export interface Ended {
  code: string;
  reason: string;
}

export interface RoomFact {
  kind: string;
  room: string;
  participant?: string;
  name?: string;
  present: number;
}

/** What the server tells, by type. */
export interface Events {
  hello: { key: string; resume: number; user?: string; resumed: boolean };
  state: RoomState;
  participant: Member;
  left: { id: string; reason?: string };
  track: Track;
  untrack: { id: string };
  speakers: Speakers;
  floor: Floor;
  busy: Busy;
  room: RoomView;
  chat: ChatMessage;
  muted: { muted: boolean };
  move: Move;
  ended: Ended;
  media: Ended;
  fact: RoomFact;
  call: { id: string; room: string; title: string; from: string };
  callOver: { id: string };
  declined: { user: string; room: string };
}

export type EventType = keyof Events;

export interface Joined {
  participant: string;
  iceServers: RTCIceServer[];
  voices: number;
}

export interface Place {
  mid: string;
  track: string;
  width: number;
  height: number;
}

/** A request that was refused. */
export class RoomError extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** When the room opens (code "early"). */
    readonly from = '',
    /** Seconds to wait (code "limited"). */
    readonly retryAfter = 0,
  ) {
    super(message);
    this.name = 'RoomError';
  }
}
