/**
 * What a CoT type means: which MIL-STD-2525 symbol it has and in which words it is said. A type of the
 * form a-f-G-U-C holds the letters of the 2525B code: affiliation, battle dimension, function. Pure.
 */

export type Affiliation = 'friend' | 'hostile' | 'neutral' | 'unknown' | 'pending' | 'assumed' | 'suspect' | 'joker' | 'faker';

const affiliations: Record<string, Affiliation> = {
  f: 'friend',
  h: 'hostile',
  n: 'neutral',
  u: 'unknown',
  p: 'pending',
  a: 'assumed',
  s: 'suspect',
  j: 'joker',
  k: 'faker',
  o: 'unknown',
  x: 'unknown',
};

/** Battle dimensions of 2525B; what CoT calls X ("other") is drawn without one. */
const dimensions = new Set(['P', 'A', 'G', 'S', 'U', 'F']);

/** The affiliation of an atom (a-…), or null when the type is none. */
export function affiliationOf(type: string): Affiliation | null {
  const parts = type.split('-');
  return parts[0] === 'a' ? (affiliations[parts[1] ?? ''] ?? 'unknown') : null;
}

/**
 * The 15 characters of the 2525 code of a CoT type: a-f-G-U-C is "SFGPUC---------". Null for types
 * that are no atoms. Lower-case parts after the dimension belong to CoT alone (for instance "a-f-G-U-C-r")
 * and end the function.
 */
export function toSidc(type: string): string | null {
  const parts = type.split('-');
  if (parts[0] !== 'a' || parts.length < 3) return null;
  const letter = (parts[1] ?? '').toUpperCase();
  const affiliation = 'PUAFNSHJK'.includes(letter) && letter !== '' ? letter : 'U';
  const dimension = dimensions.has(parts[2] ?? '') ? parts[2]! : 'Z';
  let code = '';
  for (const part of parts.slice(3)) {
    if (!/^[A-Z0-9]$/.test(part) || code.length === 6) break;
    code += part;
  }
  return `S${affiliation}${dimension}P${code.padEnd(6, '-')}-----`;
}

/** What a thing on the map is, for lists and for how it is drawn. */
export type Kind = 'person' | 'unit' | 'marker' | 'drawing' | 'route' | 'measure' | 'geofence' | 'sensor' | 'report' | 'emergency';

/** As much of an item as its kind depends on. */
export interface Described {
  type: string;
  connected?: boolean;
  user?: string;
  route?: boolean;
  geofence?: boolean;
  emergency?: string;
  takv?: unknown;
  team?: string;
}

export function kindOf(item: Described): Kind {
  const type = item.type;
  if (item.emergency || type.startsWith('b-a-')) return 'emergency';
  if (item.geofence) return 'geofence';
  if (item.route || type.startsWith('b-m-r')) return 'route';
  if (type.startsWith('u-rb') || type.startsWith('u-r-b')) return 'measure';
  if (type.startsWith('u-d') || type.startsWith('u-')) return 'drawing';
  if (type.startsWith('b-m-p-s-p-loc') || type.startsWith('b-i-v')) return 'sensor';
  if (type.startsWith('b-r')) return 'report';
  if (type.startsWith('b-')) return 'marker';
  // What a device says about itself carries a team, or is known to be connected or not.
  if (item.team || item.connected !== undefined) return 'person';
  return 'unit';
}

/** Functions worth a word of their own; the longest beginning of the type decides. */
const words: [string, string][] = [
  ['G-U-C-I', 'infantry'],
  ['G-U-C-A', 'armour'],
  ['G-U-C-R', 'reconnaissance'],
  ['G-U-C-F', 'artillery'],
  ['G-U-C-E', 'engineers'],
  ['G-U-C-D', 'air defence'],
  ['G-U-C-V-U', 'UAV unit'],
  ['G-U-C', 'ground unit'],
  ['G-U-S-M', 'medical unit'],
  ['G-U-S', 'support unit'],
  ['G-U-H', 'headquarters'],
  ['G-U', 'ground unit'],
  ['G-E-V-A-T', 'tank'],
  ['G-E-V-C', 'civilian vehicle'],
  ['G-E-V', 'vehicle'],
  ['G-E-W', 'weapon'],
  ['G-E-S', 'sensor'],
  ['G-E', 'equipment'],
  ['G-I-b', 'building'],
  ['G-I', 'installation'],
  ['G', 'on the ground'],
  ['A-M-F-Q', 'drone'],
  ['A-M-H-Q', 'drone'],
  ['A-M-H', 'helicopter'],
  ['A-M-F', 'aeroplane'],
  ['A-M', 'military aircraft'],
  ['A-C-H', 'civil helicopter'],
  ['A-C-F', 'civil aeroplane'],
  ['A-C', 'civil aircraft'],
  ['A', 'in the air'],
  ['S-X', 'civil vessel'],
  ['S', 'at sea'],
  ['U', 'under water'],
  ['P', 'in space'],
  ['F', 'special forces'],
];

const others: [string, string][] = [
  ['b-a-o-tbl', '911 alert'],
  ['b-a-o-pan', 'ring the bell'],
  ['b-a-o-opn', 'in contact'],
  ['b-a-g', 'geofence breached'],
  ['b-a', 'alert'],
  ['b-m-p-s-p-loc', 'camera'],
  ['b-m-p-s-p-i', 'pointer'],
  ['b-m-p-s-m', 'spot'],
  ['b-m-p-w-GOTO', 'go to'],
  ['b-m-p-w', 'waypoint'],
  ['b-m-p-c', 'check point'],
  ['b-m-p', 'point'],
  ['b-m-r', 'route'],
  ['b-r-f-h-c', 'CASEVAC request'],
  ['b-r', 'report'],
  ['b-i-v', 'video'],
  ['u-d-c-c', 'circle'],
  ['u-d-c-e', 'ellipse'],
  ['u-d-r', 'rectangle'],
  ['u-d-p', 'polygon'],
  ['u-d-f', 'drawing'],
  ['u-d', 'drawing'],
  ['u-rb', 'range and bearing'],
  ['u-r-b-c-c', 'range circle'],
  ['u-r-b-bullseye', 'bullseye'],
];

const find = (list: [string, string][], type: string) => list.find(([start]) => type === start || type.startsWith(`${start}-`))?.[1];

/** "friendly drone", "waypoint"; the type itself where no word is known. */
export function describe(type: string, adjective: (a: Affiliation) => string): string {
  const affiliation = affiliationOf(type);
  if (!affiliation) return find(others, type) ?? type;
  const what = find(words, type.split('-').slice(2).join('-'));
  return what ? `${adjective(affiliation)}, ${what}` : adjective(affiliation);
}
