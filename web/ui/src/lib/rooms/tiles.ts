/** Which tiles there are in a room, and in which order. */
import type { Member, Track, VideoSource } from './protocol';

/** One picture, or one person without a picture. */
export interface RoomTile {
  key: string;
  member: Member;
  /** What it shows; null: nothing but the name. */
  source: VideoSource | null;
  /** Id of the track of others; '' for one's own and for those without a picture. */
  track: string;
  own: boolean;
}

export interface Own {
  camera: boolean;
  screen: boolean;
}

const shared = (t: RoomTile) => t.source === 'screen' || t.source === 'stage';

/** The tile of each track, and one of each person without: what is shown to all first, oneself last. */
export function tilesOf(members: Iterable<Member>, tracks: Iterable<Track>, self: string, own: Own): RoomTile[] {
  const of = new Map<string, Track[]>();
  for (const t of tracks) if (t.source !== 'composite') of.set(t.participant, [...(of.get(t.participant) ?? []), t]);
  const list: RoomTile[] = [];
  for (const member of members) {
    if (member.waiting) continue;
    const mine = member.id === self;
    const sources: { source: VideoSource; track: string }[] = mine
      ? [...(own.camera ? [{ source: 'camera' as const, track: '' }] : []), ...(own.screen ? [{ source: 'screen' as const, track: '' }] : [])]
      : (of.get(member.id) ?? []).map((t) => ({ source: t.source, track: t.id }));
    for (const s of sources) list.push({ key: mine ? `own-${s.source}` : s.track, member, source: s.source, track: s.track, own: mine });
    // Of a stream without video, or somebody who shows a screen only, there is the face as well.
    if (!sources.some((s) => s.source === 'camera' || s.source === 'stage')) list.push({ key: member.id, member, source: null, track: '', own: mine });
  }
  const rank = (t: RoomTile) => (shared(t) ? (t.own ? 1 : 0) : t.own ? 3 : 2);
  const since = (t: RoomTile) => Date.parse(t.member.since) || 0;
  return list.sort((a, b) => rank(a) - rank(b) || since(a) - since(b) || (a.key < b.key ? -1 : 1));
}

/** The first `most` tiles; whoever speaks or shows something is among them, the others keep their order. */
export function visibleOf(tiles: RoomTile[], most: number, speakers: ReadonlySet<string>): RoomTile[] {
  if (tiles.length <= most) return tiles;
  const wanted = (t: RoomTile) => (shared(t) ? 3 : speakers.has(t.member.id) ? 2 : t.source ? 1 : 0);
  const kept = new Set([...tiles].sort((a, b) => wanted(b) - wanted(a)).slice(0, most));
  return tiles.filter((t) => kept.has(t));
}

export type View = 'auto' | 'grid' | 'speaker' | 'presenter' | 'one';

/** The tile that is shown large, or null for a grid. */
export function leadOf(tiles: RoomTile[], view: View, pinned: string, active: string): RoomTile | null {
  const pin = tiles.find((t) => t.key === pinned);
  if (pin) return pin;
  if (view === 'grid' || view === 'one' || tiles.length < 2) return null;
  const presented = tiles.find((t) => shared(t) && !t.own);
  if (presented && view !== 'speaker') return presented;
  if (view === 'auto') return null;
  const others = tiles.filter((t) => !t.own);
  const faces = others.filter((t) => !shared(t));
  return faces.find((t) => t.member.id === active) ?? faces.find((t) => t.source) ?? faces[0] ?? others[0] ?? null;
}

/** Two letters for whoever shows no picture. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter((w) => /[\p{L}\p{N}]/u.test(w));
  const letters = words.length > 1 ? [words[0]!, words[words.length - 1]!].map((w) => [...w][0]!) : [...(words[0] ?? '?')].slice(0, 2);
  return letters.join('').toUpperCase();
}
