/** Devices, enrolment, profiles and retention over REST. */
import { call, enc, ApiError, problemOf, run } from './client';
import type { Contact } from './situation';
import { wholeContact } from './tak';
import { t } from '$lib/strings';

/** A connection of a TAK client. */
export interface Device extends Contact {
  id: string;
  protocol: string;
  remote: string;
  /** Of its certificate. */
  subject: string;
  since: string;
  /** Events received. */
  received: number;
  incognito: boolean;
  metrics?: Record<string, unknown> | null;
  inGroups: string[];
  outGroups: string[];
  queue: {
    events: number;
    bytes: number;
    sent: number;
    /** Positions that a newer one took the place of. */
    replaced: number;
    dropped: number;
    /** 0 is XML, 1 is TAK protocol version 1. */
    version: number;
  };
}

export interface Enrolment {
  id: string;
  user: string;
  device: string;
  created: string;
  expires: string;
  used?: boolean | string | null;
}

export interface NewEnrolment {
  id: string;
  token: string;
  expires: string;
  atakUrl: string;
  itakText: string;
  page: string;
}

export interface RetentionRule {
  kind: string;
  /** 0 is for ever. */
  days: number;
  /** 0 is without limit. */
  megabytes: number;
  /** How many are kept; 0 or left out is without limit. */
  count?: number;
}

export interface Retention {
  rules: RetentionRule[];
  schedule: string;
  last?: { time: string; removed: RetentionCount[] | null } | null;
}

export interface RetentionCount {
  kind: string;
  count: number;
  bytes: number;
  oldest?: string;
}

export interface Preference {
  name: string;
  key: string;
  type: 'string' | 'boolean' | 'integer' | 'long' | 'float';
  value: string;
}

export interface Profile {
  id: number;
  name: string;
  active: boolean;
  applyOnEnrollment: boolean;
  applyOnConnect: boolean;
  tool: string;
  groups: string[];
  files: { id: number; name: string; size: number }[];
  preferences: Preference[];
  updated: string;
}

export type ProfileChange = Partial<Omit<Profile, 'id' | 'files' | 'updated'>>;
export type PackageForm = 'atak' | 'itak' | 'enroll';

const wholeDevice = (d: Device): Device => ({
  ...wholeContact(d),
  ...{ id: d.id, protocol: d.protocol, remote: d.remote, subject: d.subject, since: d.since, received: d.received, incognito: d.incognito },
  ...{ metrics: d.metrics, inGroups: d.inGroups ?? [], outGroups: d.outGroups ?? [], queue: d.queue },
});

const wholeProfile = (p: Profile): Profile => ({ ...p, groups: p.groups ?? [], files: p.files ?? [], preferences: p.preferences ?? [] });

export const admin = {
  devices: async () => ((await call<{ devices: Device[] | null }>('GET', '/api/v1/devices')).devices ?? []).map(wholeDevice),
  endDevice: (id: string) => run('DELETE', `/api/v1/devices/${enc(id)}`),

  enrolments: async () => (await call<{ enrolments: Enrolment[] | null }>('GET', '/api/v1/enrolments')).enrolments ?? [],
  addEnrolment: (e: { user: string; device?: string; minutes: number; mail?: boolean }) => call<NewEnrolment>('POST', '/api/v1/enrolments', e),
  removeEnrolment: (id: string) => run('DELETE', `/api/v1/enrolments/${enc(id)}`),

  /** A zip that a client imports to know this server; the file's name comes from the server. */
  connectionPackage: async (what: { user: string; device: string; callsign?: string; team?: string; role?: string; form: PackageForm }) => {
    let response: Response;
    try {
      response = await fetch('/api/v1/certificates/package', {
        method: 'POST',
        credentials: 'same-origin',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(what),
      });
    } catch {
      throw new ApiError(0, t.errors.unreachable);
    }
    if (!response.ok) throw await problemOf(response);
    return { blob: await response.blob(), name: fileNameOf(response.headers.get('Content-Disposition')) };
  },

  retention: async () => {
    const r = await call<Retention>('GET', '/api/v1/retention');
    return { ...r, rules: r.rules ?? [] };
  },
  setRetention: (r: { rules: RetentionRule[]; schedule: string }) => run('PUT', '/api/v1/retention', r),
  /** What the rules would remove now. */
  previewRetention: async () => (await call<{ kinds: RetentionCount[] | null }>('POST', '/api/v1/retention/preview')).kinds ?? [],
  runRetention: async () => (await call<{ kinds: RetentionCount[] | null }>('POST', '/api/v1/retention/run')).kinds ?? [],

  profiles: async () => ((await call<{ profiles: Profile[] | null }>('GET', '/api/v1/profiles')).profiles ?? []).map(wholeProfile),
  addProfile: async (p: ProfileChange) => wholeProfile(await call<Profile>('POST', '/api/v1/profiles', p)),
  editProfile: (id: number, p: ProfileChange) => run('PATCH', `/api/v1/profiles/${id}`, p),
  removeProfile: (id: number) => run('DELETE', `/api/v1/profiles/${id}`),
  removeProfileFile: (id: number, file: number) => run('DELETE', `/api/v1/profiles/${id}/files/${file}`),
};

export const profileFilePath = (id: number, name: string) => `/api/v1/profiles/${id}/files?name=${enc(name)}`;

/** The file name in a Content-Disposition header, or ''. */
export function fileNameOf(header: string | null): string {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(header ?? '')?.[1];
  if (extended) {
    try {
      return decodeURIComponent(extended);
    } catch {
      // A bad escape: the plain form may still be there.
    }
  }
  return /filename="?([^";]+)"?/i.exec(header ?? '')?.[1] ?? '';
}
