/**
 * The one door to the REST API: every request of the console goes through call(), which turns
 * whatever goes wrong into an ApiError whose message is a sentence for people.
 */
import { t } from '$lib/strings';
import type {
  Address,
  AddressUse,
  Certificate,
  Grant,
  Group,
  HealthPart,
  IssuedCertificate,
  KeyedAddresses,
  LoginMethods,
  Me,
  NewToken,
  RecordingsPage,
  Role,
  ServerInfo,
  Session,
  Stream,
  Token,
  User,
} from './types';

/** What a request came to when it did not succeed. status 0: the server was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Seconds to wait before trying again, where the server named them. */
    readonly retryAfter?: number,
    /** The problem type (RFC 9457) where it is one that the console acts upon. */
    readonly type = '',
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** Told of each 401 of a request made while logged in. */
let onUnauthorized: () => void = () => {};

/** Sets who is told when the session turns out to be over. */
export function whenUnauthorized(f: () => void): void {
  onUnauthorized = f;
}

/** Turns a response that is not 2xx into an ApiError: problem+json first, else words for the status. */
export async function problemOf(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get('Retry-After')) || undefined;
  let message = '';
  let type = '';
  if ((response.headers.get('Content-Type') ?? '').includes('json')) {
    try {
      const body = (await response.json()) as { detail?: unknown; title?: unknown; type?: unknown };
      message = String(body.detail || body.title || '');
      type = String(body.type ?? '');
    } catch {
      message = '';
    }
  }
  return new ApiError(response.status, message || t.errors.status(response.status, retryAfter), retryAfter, type);
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: body === undefined ? { Accept: 'application/json' } : { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, t.errors.unreachable);
  }
  if (response.ok) return response;
  if (response.status === 401 && !path.startsWith('/api/v1/login') && !path.startsWith('/api/v1/account/')) onUnauthorized();
  throw await problemOf(response);
}

/** Asks and gives what the server answered. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body);
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, t.errors.notUnderstood);
  }
}

/** Asks for something that has no answer but that it is done. */
export async function run(method: string, path: string, body?: unknown): Promise<void> {
  await send(method, path, body);
}

/** A stream name keeps its slashes in a path; everything else is escaped. */
export function pathOf(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}

export const enc = encodeURIComponent;

/** Go writes a nil list as null; the console knows lists only. */
export function wholeStream(s: Stream): Stream {
  return {
    ...s,
    groups: s.groups ?? [],
    tracks: s.tracks ?? [],
    readers: s.readers ?? {},
    bitrate: s.bitrate ?? 0,
    recording: s.recording ?? false,
    viewers: s.viewers ?? Object.values(s.readers ?? {}).reduce((a, b) => a + b, 0),
  };
}

export function wholeMe(me: Me): Me {
  return { ...me, groups: me.groups ?? [] };
}

function wholeUser(u: User): User {
  return { ...u, groups: u.groups ?? [] };
}

function wholeToken(k: Token): Token {
  return k.scope ? { ...k, scope: { ...k.scope, actions: k.scope.actions ?? [], streams: k.scope.streams ?? [] } } : k;
}

export const api = {
  login: async (user: string, password: string, code?: string) =>
    wholeMe(await call<Me>('POST', '/api/v1/login', code ? { user, password, code } : { user, password })),
  loginMethods: async () => {
    const m = await call<LoginMethods>('GET', '/api/v1/login/methods');
    return { ...m, oidc: m.oidc ?? [] };
  },
  forgotPassword: (who: string) => run('POST', '/api/v1/login/forgotten', { who }),
  checkReset: (token: string) => call<{ user: string }>('POST', '/api/v1/login/reset/check', { token }),
  resetPassword: (token: string, password: string) => run('PUT', '/api/v1/login/reset', { token, password }),
  logout: () => run('POST', '/api/v1/logout'),
  me: async () => wholeMe(await call<Me>('GET', '/api/v1/me')),
  totp: () => call<{ enabled: boolean }>('GET', '/api/v1/account/totp'),
  startTotp: (password: string) => call<{ secret: string; uri: string }>('POST', '/api/v1/account/totp', { password }),
  confirmTotp: async (code: string) => (await call<{ recovery: string[] | null }>('POST', '/api/v1/account/totp/confirm', { code })).recovery ?? [],
  endTotp: (password: string, code: string) => run('DELETE', '/api/v1/account/totp', { password, code }),
  resetTotp: (user: string) => run('DELETE', `/api/v1/users/${enc(user)}/totp`),
  ownEmail: () => call<{ email: string; mail: boolean }>('GET', '/api/v1/me/email'),
  changeEmail: (current: string, email: string) => run('PUT', '/api/v1/me/email', { current, email }),
  changePassword: (current: string, password: string) => run('PUT', '/api/v1/me/password', { current, password }),
  server: async () => {
    const s = await call<ServerInfo>('GET', '/api/v1/server');
    return { ...s, doors: s.doors ?? [], hostNames: s.hostNames ?? [] };
  },
  health: async () => (await call<{ parts: HealthPart[] | null }>('GET', '/api/v1/health')).parts ?? [],

  streams: async () => ((await call<{ streams: Stream[] | null }>('GET', '/api/v1/streams')).streams ?? []).map(wholeStream),
  stream: async (name: string) => wholeStream(await call<Stream>('GET', `/api/v1/streams/${pathOf(name)}`)),
  endStream: (name: string) => run('DELETE', `/api/v1/streams/${pathOf(name)}`),
  record: (name: string, on: boolean) => run(on ? 'PUT' : 'DELETE', `/api/v1/recorders/${pathOf(name)}`),
  recordings: async (stream = '', after = '') => {
    const page = await call<RecordingsPage>('GET', `/api/v1/recordings?limit=50&stream=${enc(stream)}&after=${enc(after)}`);
    return { next: page.next, recordings: (page.recordings ?? []).map((r) => ({ ...r, groups: r.groups ?? [] })) };
  },
  recordingAddress: (id: string, download = false) => `/api/v1/recordings/${enc(id)}/content${download ? '?download=true' : ''}`,
  removeRecording: (id: string) => run('DELETE', `/api/v1/recordings/${enc(id)}`),
  addresses: async (name: string) =>
    (await call<{ addresses: Address[] | null }>('GET', `/api/v1/addresses/${pathOf(name)}`)).addresses ?? [],
  keyedAddresses: async (name: string, use: AddressUse, days: number) => {
    const a = await call<KeyedAddresses>('POST', `/api/v1/addresses/${pathOf(name)}`, { use, days });
    return { ...a, addresses: a.addresses ?? [] };
  },

  users: async () => ((await call<{ users: User[] | null }>('GET', '/api/v1/users')).users ?? []).map(wholeUser),
  addUser: (user: { name: string; password?: string; email?: string; role: Role; fullName: string; groups: Grant[] }) =>
    call<User>('POST', '/api/v1/users', user),
  editUser: (name: string, change: { role?: Role; fullName?: string; email?: string; disabled?: boolean }) =>
    run('PATCH', `/api/v1/users/${enc(name)}`, change),
  invitePassword: (name: string) => run('POST', `/api/v1/users/${enc(name)}/reset`),
  setPassword: (name: string, password: string) => run('PUT', `/api/v1/users/${enc(name)}/password`, { password }),
  removeUser: (name: string) => run('DELETE', `/api/v1/users/${enc(name)}`),
  grant: (user: string, group: string, rights: { in: boolean; out: boolean }) =>
    run('PUT', `/api/v1/users/${enc(user)}/groups/${enc(group)}`, rights),
  revokeGrant: (user: string, group: string) => run('DELETE', `/api/v1/users/${enc(user)}/groups/${enc(group)}`),

  groups: async () => (await call<{ groups: Group[] | null }>('GET', '/api/v1/groups')).groups ?? [],
  addGroup: (name: string, description: string) => run('POST', '/api/v1/groups', { name, description }),
  removeGroup: (name: string) => run('DELETE', `/api/v1/groups/${enc(name)}`),

  tokens: async (all: boolean) =>
    ((await call<{ tokens: Token[] | null }>('GET', all ? '/api/v1/tokens?all=true' : '/api/v1/tokens')).tokens ?? []).map(wholeToken),
  addToken: (token: NewToken) => call<{ token: Token; secret: string }>('POST', '/api/v1/tokens', token),
  removeToken: (id: string) => run('DELETE', `/api/v1/tokens/${enc(id)}`),

  sessions: async () => (await call<{ sessions: Session[] | null }>('GET', '/api/v1/sessions')).sessions ?? [],
  endSession: (id: string) => run('DELETE', `/api/v1/sessions/${enc(id)}`),

  certificates: async () =>
    (await call<{ certificates: Certificate[] | null }>('GET', '/api/v1/certificates')).certificates ?? [],
  issueCertificate: (request: { user: string; name: string; days: number; password: string }) =>
    call<IssuedCertificate>('POST', '/api/v1/certificates', request),
  revokeCertificate: (fingerprint: string) => run('DELETE', `/api/v1/certificates/${enc(fingerprint)}`),
};

/** Words for anything that was thrown. */
export function sentence(e: unknown): string {
  return e instanceof Error && e.message ? e.message : t.errors.unknown;
}
