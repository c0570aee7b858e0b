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

/** The words that types are said in. Keys are beginnings of types; of several the longest decides. */
export interface TypeWords {
  affiliations: Record<Affiliation, string>;
  /** What stands behind the affiliation of an atom: "G-E-V". */
  atoms: Record<string, string>;
  /** All that is no atom: "b-m-r". */
  marks: Record<string, string>;
}

function find(words: Record<string, string>, type: string): string | undefined {
  for (let parts = type.split('-'); parts.length > 0; parts = parts.slice(0, -1)) {
    const word = words[parts.join('-')];
    if (word) return word;
  }
  return undefined;
}

/** "friendly, drone", "waypoint"; the type itself where no word is known. */
export function describe(type: string, words: TypeWords): string {
  const affiliation = affiliationOf(type);
  if (!affiliation) return find(words.marks, type) ?? type;
  const what = find(words.atoms, type.split('-').slice(2).join('-'));
  return what ? `${words.affiliations[affiliation]}, ${what}` : words.affiliations[affiliation];
}
