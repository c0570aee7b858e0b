/** The colours that TAK gives to teams and to things drawn on the map. Pure. */

/** Team colours as ATAK draws them. They mean the team and nothing else. */
const teams: Record<string, string> = {
  White: '#ffffff',
  Yellow: '#ffff00',
  Orange: '#ff7700',
  Magenta: '#ff00ff',
  Red: '#ff0000',
  Maroon: '#7f0000',
  Purple: '#7f007f',
  'Dark Blue': '#00007f',
  Blue: '#0000ff',
  Cyan: '#00ffff',
  Teal: '#007f7f',
  Green: '#00ff00',
  'Dark Green': '#007f00',
  Brown: '#a0714f',
};

export const teamNames = Object.keys(teams);

export const roleNames = ['Team Member', 'Team Lead', 'HQ', 'Sniper', 'Medic', 'Forward Observer', 'RTO', 'K9'];

/** The colour of a team; null when it is none that TAK knows. */
export function teamColour(name: string | undefined): string | null {
  return (name && teams[name]) || null;
}

/** The letters that ATAK writes into the dot of a role; none for an ordinary member. */
export function roleLetters(role: string | undefined): string {
  return { 'Team Lead': 'TL', HQ: 'HQ', Sniper: 'S', Medic: '+', 'Forward Observer': 'FO', RTO: 'R', K9: 'K9' }[role ?? ''] ?? '';
}

/** Black or white, whichever can be read on the colour. */
export function inkOn(colour: string): string {
  const n = parseInt(colour.slice(1, 7), 16);
  const [r, g, b] = [(n >> 16) & 255, (n >> 8) & 255, n & 255];
  return r * 0.299 + g * 0.587 + b * 0.114 > 140 ? '#000000' : '#ffffff';
}

/** A signed ARGB integer as CoT carries it, as a colour and its opacity from 0 to 1. */
export function fromArgb(argb: number): { colour: string; opacity: number } {
  const n = argb >>> 0;
  return { colour: `#${(n & 0xffffff).toString(16).padStart(6, '0')}`, opacity: (n >>> 24) / 255 };
}

/** The other way: "#ff0000" and an opacity as a signed ARGB integer. */
export function toArgb(colour: string, opacity = 1): number {
  return ((Math.round(opacity * 255) << 24) | parseInt(colour.slice(1, 7), 16)) | 0;
}

/** For a canvas: "rgb(255 0 0 / 0.5)". */
export function css(argb: number | undefined, fallback: string, most = 1): string {
  if (argb === undefined) return fallback;
  const { colour, opacity } = fromArgb(argb);
  const n = parseInt(colour.slice(1), 16);
  return `rgb(${(n >> 16) & 255} ${(n >> 8) & 255} ${n & 255} / ${Math.min(most, opacity).toFixed(3)})`;
}
