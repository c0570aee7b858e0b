/** The shapes of the live situation, of chat, packages and missions, as /api/v1 speaks them. */

/** Latitude and longitude, degrees on WGS 84. */
export type Point = [number, number];

/** One thing on the map. Times are milliseconds since 1970; what is left out is unknown. */
export interface Item {
  uid: string;
  /** CoT type, such as a-f-G-U-C. */
  type: string;
  how: string;
  time: number;
  start: number;
  stale: number;
  lat: number;
  lon: number;
  /** Height above the ellipsoid, circular and linear error (m). */
  hae?: number;
  ce?: number;
  le?: number;
  callsign: string;
  team?: string;
  role?: string;
  /** Degrees from true north, and metres per second. */
  course?: number;
  speed?: number;
  /** Percent. */
  battery?: number;
  remarks?: string;
  /** The person of this server who sent it. */
  user?: string;
  groups: string[];
  /** Of a device's own report: whether the device is connected. */
  connected?: boolean;
  /** Kept after it is stale. */
  archive?: boolean;
  /** Signed ARGB integers, as in CoT. */
  color?: number;
  strokeColor?: number;
  fillColor?: number;
  strokeWeight?: number;
  labels?: boolean;
  points?: Point[];
  closed?: boolean;
  route?: boolean;
  /** Half axes (m), and degrees of the major one. */
  ellipse?: { major: number; minor: number; angle: number };
  rangeBearing?: { range: number; bearing: number };
  /** Degrees and metres. */
  sensor?: { azimuth: number; fov: number; vfov?: number; range: number };
  video?: { url: string; alias?: string };
  icon?: string;
  parent?: string;
  height?: number;
  geofence?: boolean;
  emergency?: string;
}

/** A device of a person, connected or not. */
export interface Contact {
  uid: string;
  callsign: string;
  user: string;
  team: string;
  role: string;
  takv: { device?: string; platform?: string; os?: string; version?: string };
  /** Percent; -1 is unknown. */
  battery: number;
  groups: string[];
  connected: boolean;
  lastSeen: string;
  lat?: number;
  lon?: number;
  type?: string;
  phone?: string;
}

export interface Emergency {
  uid: string;
  type: string;
  /** In words: "911 Alert". */
  kind: string;
  callsign: string;
  user: string;
  groups: string[];
  started: string;
  lat: number;
  lon: number;
}

/** Somebody in a room. */
export interface Present {
  id: string;
  room: string;
  title: string;
  name: string;
  /** Left out for guests. */
  user?: string;
  kind: 'browser' | 'sip' | 'mumble';
  /** The devices on the map that this is. */
  uids?: string[];
}

export type ChatState = 'sent' | 'pending' | 'delivered' | 'read' | 'failed';
export type RoomKind = 'all' | 'team' | 'group' | 'direct' | 'mission';

export interface Chat {
  id: string;
  room: string;
  roomName: string;
  kind: RoomKind;
  senderUid: string;
  senderCallsign: string;
  senderUser?: string;
  text: string;
  time: string;
  state: ChatState;
  mine: boolean;
  /** A place that was sent along. */
  lat?: number;
  lon?: number;
  /** A package that was sent along. */
  hash?: string;
  fileName?: string;
}

export interface Room {
  id: string;
  name: string;
  kind: RoomKind;
  last?: Chat;
  unread: number;
}

/** Every message of /api/v1/situation. */
export type SituationEvent =
  | { kind: 'snapshot'; items: Item[]; contacts: Contact[]; emergencies: Emergency[]; uid: string; voice?: Present[]; talking?: string[] }
  | { kind: 'items'; items: Item[] }
  | { kind: 'gone'; uids: string[] }
  | { kind: 'contacts'; contacts: Contact[] }
  | { kind: 'emergencies'; emergencies: Emergency[] }
  | { kind: 'chat'; messages: Chat[] }
  | { kind: 'voice'; voice?: Present[]; left?: string[] }
  /** Everybody who talks now; at most four times a second. */
  | { kind: 'talk'; talking: string[] }
  | { kind: 'mission'; name: string; guid: string; change: string }
  | { kind: 'lagged' };

/** [ms, lat, lon, hae, speed, course]. */
export type TrackPoint = [number, number, number, number | null, number | null, number | null];

export interface MapLayer {
  id: string;
  name: string;
  kind: 'raster' | 'pmtiles';
  url: string;
  attribution: string;
  minZoom: number;
  maxZoom: number;
}

export interface MapSetup {
  layers: MapLayer[];
  center: Point;
  zoom: number;
}

export interface NewItem {
  uid?: string;
  type: string;
  lat: number;
  lon: number;
  hae?: number;
  callsign: string;
  remarks?: string;
  color?: number;
  staleMinutes?: number;
  groups?: string[];
}

export interface Package {
  hash: string;
  name: string;
  filename: string;
  size: number;
  mime: string;
  submitter: string;
  creatorUid: string;
  created: string;
  keywords: string[];
  groups: string[];
  tool: 'public' | 'private';
  expires?: string;
  /** Whether the asking person may change and delete it. */
  mine: boolean;
}

export interface PackageChange {
  name?: string;
  groups?: string[];
  tool?: 'public' | 'private';
  /** From now; 0 is for ever. */
  days?: number;
  keywords?: string[];
}

export const missionRoles = ['MISSION_OWNER', 'MISSION_SUBSCRIBER', 'MISSION_READONLY_SUBSCRIBER'] as const;
export type MissionRole = (typeof missionRoles)[number];

export interface Mission {
  name: string;
  guid: string;
  description: string;
  tool: string;
  groups: string[];
  creatorUid: string;
  createTime: string;
  lastEdited: string;
  subscribers: number;
  contents: number;
  uids: number;
  passwordProtected: boolean;
  inviteOnly: boolean;
  /** What the asking person may do in it; empty for one who is not in it. */
  role: MissionRole | '';
  /** Seconds since 1970; left out: never. */
  expiration?: number;
}

export interface MissionContent {
  hash: string;
  name: string;
  size: number;
  mime: string;
  creatorUid: string;
  time: string;
}

export interface MissionUid {
  uid: string;
  type: string;
  callsign: string;
  lat?: number;
  lon?: number;
  creatorUid: string;
  time: string;
}

export interface MissionLog {
  id: string;
  content: string;
  creatorUid: string;
  time: string;
}

export interface MissionSubscription {
  clientUid: string;
  username: string;
  callsign: string;
  role: MissionRole;
  connected: boolean;
}

export interface MissionChange {
  type: string;
  time: string;
  creatorUid: string;
  contentUid?: string;
  name?: string;
}

/** A mission with what is in it. */
export interface OpenMission extends Omit<Mission, 'contents' | 'uids'> {
  contents: MissionContent[];
  uids: MissionUid[];
  logs: MissionLog[];
  subscriptions: MissionSubscription[];
  changes: MissionChange[];
}

export interface NewMission {
  name: string;
  description: string;
  groups: string[];
  password?: string;
  inviteOnly?: boolean;
  defaultRole?: MissionRole;
}
