/** The situation, chat, packages and missions over REST. */
import { call, enc, run } from './client';
import type {
  Chat,
  Contact,
  Emergency,
  Item,
  MapSetup,
  Mission,
  MissionRole,
  NewItem,
  NewMission,
  OpenMission,
  Package,
  PackageChange,
  Room,
  TrackPoint,
} from './situation';

/** Go writes a nil list as null; the console knows lists only. */
export const wholeItem = (i: Item): Item => (i.groups ? i : { ...i, groups: [] });
export const wholeContact = (c: Contact): Contact => (c.groups && c.takv ? c : { ...c, groups: c.groups ?? [], takv: c.takv ?? {} });
export const wholeEmergency = (e: Emergency): Emergency => ({ ...e, groups: e.groups ?? [] });
const wholePackage = (p: Package): Package => ({ ...p, groups: p.groups ?? [], keywords: p.keywords ?? [] });
const wholeMission = (m: Mission): Mission => ({ ...m, groups: m.groups ?? [], role: m.role ?? '' });

export const tak = {
  contacts: async () => ((await call<{ contacts: Contact[] | null }>('GET', '/api/v1/contacts')).contacts ?? []).map(wholeContact),
  releaseDevice: (uid: string) => run('DELETE', `/api/v1/contacts/${enc(uid)}`),
  map: async () => {
    const m = await call<MapSetup>('GET', '/api/v1/map');
    return { ...m, layers: m.layers ?? [] };
  },
  item: (uid: string) => call<{ item: Item; xml: string }>('GET', `/api/v1/items/${enc(uid)}`),
  track: async (uid: string, from: number, to: number) =>
    (await call<{ points: TrackPoint[] | null }>('GET', `/api/v1/items/${enc(uid)}/track?from=${iso(from)}&to=${iso(to)}`)).points ?? [],
  situationAt: async (time: number) =>
    ((await call<{ items: Item[] | null }>('GET', `/api/v1/situation/at?time=${iso(time)}`)).items ?? []).map(wholeItem),
  span: () => call<{ from: string; to: string }>('GET', '/api/v1/situation/span'),
  addItem: (item: NewItem) => call<{ uid: string }>('POST', '/api/v1/items', item),
  removeItem: (uid: string) => run('DELETE', `/api/v1/items/${enc(uid)}`),
  cancelEmergency: (uid: string) => run('DELETE', `/api/v1/emergencies/${enc(uid)}`),

  rooms: async () => (await call<{ rooms: Room[] | null }>('GET', '/api/v1/chat/rooms')).rooms ?? [],
  messages: async (room: string, before?: number) => {
    const answer = await call<{ messages: Chat[] | null; more: boolean }>(
      'GET',
      `/api/v1/chat?room=${enc(room)}&limit=50${before === undefined ? '' : `&before=${before}`}`,
    );
    return { messages: answer.messages ?? [], more: answer.more };
  },
  say: (message: { room: string; text: string; lat?: number; lon?: number; hash?: string }) => call<Chat>('POST', '/api/v1/chat', message),
  markRead: (room: string) => run('POST', '/api/v1/chat/read', { room }),

  packages: async () => ((await call<{ packages: Package[] | null }>('GET', '/api/v1/packages')).packages ?? []).map(wholePackage),
  editPackage: (hash: string, change: PackageChange) => run('PATCH', `/api/v1/packages/${enc(hash)}`, change),
  removePackage: (hash: string) => run('DELETE', `/api/v1/packages/${enc(hash)}`),
  sendPackage: (hash: string, uids: string[]) => run('POST', `/api/v1/packages/${enc(hash)}/send`, { uids }),

  missions: async () => ((await call<{ missions: Mission[] | null }>('GET', '/api/v1/missions')).missions ?? []).map(wholeMission),
  mission: async (guid: string): Promise<OpenMission> => {
    const m = await call<OpenMission>('GET', `/api/v1/missions/${enc(guid)}`);
    return {
      ...m,
      ...{ groups: m.groups ?? [], role: m.role ?? '', contents: m.contents ?? [], uids: m.uids ?? [] },
      ...{ logs: m.logs ?? [], subscriptions: m.subscriptions ?? [], changes: m.changes ?? [] },
    };
  },
  addMission: (mission: NewMission) => call<Mission>('POST', '/api/v1/missions', mission),
  removeMission: (guid: string) => run('DELETE', `/api/v1/missions/${enc(guid)}`),
  addContents: (guid: string, what: { hashes?: string[]; uids?: string[] }) => run('POST', `/api/v1/missions/${enc(guid)}/contents`, what),
  removeContent: (guid: string, what: { hash: string } | { uid: string }) =>
    run('DELETE', `/api/v1/missions/${enc(guid)}/contents?${'hash' in what ? `hash=${enc(what.hash)}` : `uid=${enc(what.uid)}`}`),
  addLog: (guid: string, content: string) => run('POST', `/api/v1/missions/${enc(guid)}/logs`, { content }),
  setMissionRole: (guid: string, who: { clientUid: string; username: string; role: MissionRole }) =>
    run('PUT', `/api/v1/missions/${enc(guid)}/roles`, who),
  invite: (guid: string, uids: string[], role: MissionRole) => run('POST', `/api/v1/missions/${enc(guid)}/invite`, { uids, role }),
};

/** Where the bytes of a package are. */
export const packageUrl = (hash: string) => `/api/v1/packages/${enc(hash)}/content`;

const iso = (ms: number) => new Date(ms).toISOString();
