/** The shapes of the REST API and of the live events, as /api/v1 speaks them. Times are RFC 3339. */

export type Role = 'admin' | 'operator' | 'member';

/** Grant is a user's right in one group: in, may publish to it; out, receives it. */
export interface Grant {
  group: string;
  in: boolean;
  out: boolean;
}

export interface Me {
  user: string;
  role: Role;
  groups: Grant[];
  canPublish: boolean;
}

export interface Track {
  codec: string;
  kind: 'video' | 'audio' | 'data';
  detail: string;
  width?: number;
  height?: number;
  /** Has B-frames, which WebRTC cannot carry. */
  reordered?: boolean;
}

export interface Stream {
  name: string;
  groups: string[];
  /** Who publishes it. */
  user: string;
  /** How it is published: "rtsp", "whip", … */
  protocol: string;
  since: string;
  tracks: Track[];
  /** Number of readers by protocol. */
  readers: Record<string, number>;
  bytesIn: number;
  bytesOut: number;
  badUnits: number;
  jumps: number;
  /** Bits per second coming in. */
  bitrate: number;
  viewers: number;
  /** Whether it is being recorded. */
  recording: boolean;
}

/** One file of a stream's recording. */
export interface Recording {
  id: string;
  stream: string;
  groups: string[];
  /** Who published. */
  user: string;
  start: string;
  /** Seconds. */
  duration: number;
  bytes: number;
  /** Still being written. */
  open: boolean;
}

export interface RecordingsPage {
  recordings: Recording[];
  /** Where the next page begins; empty when there is none. */
  next: string;
}

export interface Door {
  name: string;
  network: string;
  address: string;
  error?: string;
  fix?: string;
}

export interface ServerInfo {
  name: string;
  version: string;
  hostNames: string[];
  doors: Door[];
  caFingerprint: string;
}

export type AddressUse = 'watch' | 'publish';

/** One way to reach a stream: app is a program it suits, label what to know about it. */
export interface Address {
  protocol: string;
  use: AddressUse;
  app: string;
  label: string;
  url: string;
}

export interface KeyedAddresses {
  addresses: Address[];
  tokenId: string;
  expires: string;
}

export interface User {
  name: string;
  fullName: string;
  /** Where mail for this person goes; may be empty. */
  email?: string;
  role: Role;
  disabled: boolean;
  created: string;
  lastLogin?: string;
  groups: Grant[];
}

export interface Group {
  name: string;
  description: string;
  members: number;
}

export type TokenAction = 'publish' | 'read' | 'api' | 'operate' | 'admin';
export type TokenKind = 'token' | 'streamkey';

export interface TokenScope {
  actions: TokenAction[];
  streams: string[];
  groups?: string[];
}

export interface Token {
  id: string;
  user: string;
  name: string;
  kind: TokenKind;
  /** Left out: all its user may. */
  scope?: TokenScope;
  created: string;
  expires?: string;
  lastUsed?: string;
}

export interface NewToken {
  name: string;
  kind: TokenKind;
  scope: TokenScope;
  days: number;
  user?: string;
}

export interface Session {
  id: string;
  user: string;
  protocol: string;
  action: string;
  resource: string;
  remote: string;
  agent?: string;
  token?: string;
  device?: string;
  started: string;
}

export interface Certificate {
  fingerprint: string;
  serial: string;
  user: string;
  name: string;
  issued: string;
  expires: string;
  revoked?: string | boolean | null;
}

export interface IssuedCertificate {
  certificate: Certificate;
  /** PKCS #12 files, base64. */
  p12: string;
  truststoreP12: string;
  caPEM: string;
}

export interface HealthPart {
  name: string;
  ok: boolean;
  reason: string;
}

/** The ways to log in. */
export interface LoginMethods {
  password: boolean;
  /** A link to choose a new password can be asked for: the server sends mail. */
  reset?: boolean;
  oidc: { id: string; name: string }[];
}

/** StreamStats is what changes all the time; it comes every two seconds. */
export interface StreamStats {
  name: string;
  bitrate: number;
  viewers: number;
}

export interface AuthFailure {
  user?: string;
  remote?: string;
  protocol?: string;
}

/** Every message of the live channel. */
export type LiveEvent =
  | { kind: 'hello'; time: string; data: { me: Me; streams: Stream[] } }
  | { kind: 'stream.ready'; time: string; data: Stream }
  | { kind: 'stream.ended'; time: string; data: Stream }
  | { kind: 'stream.stats'; time: string; data: { streams: StreamStats[] } }
  | { kind: 'session.opened'; time: string; data: Session }
  | { kind: 'session.closed'; time: string; data: Session }
  | { kind: 'user.changed'; time: string; data: unknown }
  | { kind: 'group.changed'; time: string; data: unknown }
  | { kind: 'token.changed'; time: string; data: unknown }
  | { kind: 'device.changed'; time: string; data: unknown }
  | { kind: 'recording.changed'; time: string; data: { stream: string; change: 'started' | 'ended' | 'deleted' | 'on' | 'off'; id?: string } }
  | { kind: 'file.changed'; time: string; data: unknown }
  | { kind: 'auth.failed'; time: string; data: AuthFailure }
  | { kind: 'lagged'; time: string; data: unknown };
