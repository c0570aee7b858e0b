/** What stands for a thing on the map: its MIL-STD-2525 symbol, the dot of its team, or a mark. */
import { ms, std2525c, path2d } from 'milsymbol/core';
import { css, inkOn, roleLetters, teamColour } from '$lib/tak/colours';
import type { Seen } from '$lib/tak/picture';
import { affiliationOf, toSidc, type Affiliation } from '$lib/tak/sidc';
import type { Drawing } from './atlas';

ms.addIcons(std2525c);
ms.Path2D = path2d;

/** Height of the octagon in which symbols are drawn (CSS pixels). */
const size = 19;

const outline = '#0b0e11';

/** The colours of affiliations in MIL-STD-2525, for dots. */
const affiliationColours: Record<Affiliation, string> = {
  ...{ friend: '#80e0ff', assumed: '#80e0ff', hostile: '#ff8080', suspect: '#ff8080', joker: '#ff8080', faker: '#ff8080' },
  ...{ neutral: '#aaffaa', unknown: '#ffff80', pending: '#ffff80' },
};

/** What the sprites of an item depend on; items with the same key look the same. */
export function symbolKey({ item, kind }: Seen): string {
  const badge = `${item.team ?? ''}/${item.role ?? ''}${item.video ? '/v' : ''}`;
  if (kind === 'person' || kind === 'unit') return `${toSidc(item.type)}/${badge}`;
  return `${kind}/${item.type}/${item.color ?? ''}/${badge}`;
}

export function symbolOf({ item, kind }: Seen): Drawing {
  const sidc = toSidc(item.type);
  if (sidc) return withBadges(sidc, item.team, item.role, item.video !== undefined);
  const colour = css(item.color, '#ffffff', 1);
  if (kind === 'emergency') return glyph('#ff3b30', emergencyPath, item.video !== undefined);
  if (kind === 'sensor') return glyph(colour, cameraPath, false);
  if (kind === 'report') return glyph('#ffffff', crossPath, false);
  if (item.type.startsWith('b-m-p-w') || item.type.startsWith('b-m-p-c')) return glyph(colour, flagPath, false);
  return glyph(colour, spotPath, item.video !== undefined);
}

function withBadges(sidc: string, team: string | undefined, role: string | undefined, video: boolean): Drawing {
  const symbol = new ms.Symbol(sidc, { size, outlineColor: outline, outlineWidth: 3, infoFields: false });
  const { width, height } = symbol.getSize();
  const at = symbol.getAnchor();
  const pad = 8;
  const colour = teamColour(team);
  return {
    width: width + 2 * pad,
    height: height + 2 * pad,
    anchorX: at.x + pad,
    anchorY: at.y + pad,
    draw: (ctx) => {
      // The library draws at the size it is told: twice as large, and drawn at half, is sharp.
      const sharp = new ms.Symbol(sidc, { size: size * 3, outlineColor: outline, outlineWidth: 3, infoFields: false });
      ctx.drawImage(sharp.asCanvas(), pad, pad, width, height);
      if (colour) teamDot(ctx, pad + width - 3, pad + height - 4, 7, colour, roleLetters(role));
      if (video) videoBadge(ctx, pad + width - 2, pad + 2);
    },
  };
}

function teamDot(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, colour: string, letters: string): void {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = outline;
  ctx.stroke();
  if (letters === '') return;
  ctx.fillStyle = inkOn(colour);
  ctx.font = `700 ${letters.length > 1 ? 8 : 10}px Plex, sans-serif`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillText(letters, x, y + 0.5);
}

function videoBadge(ctx: CanvasRenderingContext2D, x: number, y: number): void {
  ctx.beginPath();
  ctx.arc(x, y, 6.5, 0, 2 * Math.PI);
  ctx.fillStyle = outline;
  ctx.fill();
  ctx.beginPath();
  ctx.moveTo(x - 2, y - 3.5);
  ctx.lineTo(x + 4, y);
  ctx.lineTo(x - 2, y + 3.5);
  ctx.closePath();
  ctx.fillStyle = '#ffffff';
  ctx.fill();
}

/** Beside a symbol: its person is in a room; filled with a colour while they talk. */
export function voiceBadge(colour: string, dark: boolean): Drawing {
  const ink = colour === '' || !dark ? '#ffffff' : outline;
  return {
    ...{ width: 20, height: 20, anchorX: 10, anchorY: 10 },
    draw: (ctx) => {
      ctx.beginPath();
      ctx.arc(10, 10, 8, 0, 2 * Math.PI);
      ctx.fillStyle = colour || outline;
      ctx.fill();
      ctx.lineWidth = 1.5;
      ctx.strokeStyle = colour === '' ? '#ffffff' : outline;
      ctx.stroke();
      // A microphone.
      ctx.beginPath();
      ctx.roundRect(8.2, 4.8, 3.6, 6.4, 1.8);
      ctx.fillStyle = ink;
      ctx.fill();
      ctx.beginPath();
      ctx.arc(10, 9.6, 3.7, 0.15, Math.PI - 0.15);
      ctx.moveTo(10, 13.3);
      ctx.lineTo(10, 15.2);
      ctx.lineWidth = 1.2;
      ctx.strokeStyle = ink;
      ctx.lineCap = 'round';
      ctx.stroke();
    },
  };
}

type Path = (ctx: CanvasRenderingContext2D) => void;

/** A mark of 28 by 28 pixels around its place. */
function glyph(colour: string, path: Path, video: boolean): Drawing {
  return {
    ...{ width: 32, height: 32, anchorX: 16, anchorY: 16 },
    draw: (ctx) => {
      ctx.save();
      ctx.translate(16, 16);
      ctx.lineJoin = 'round';
      ctx.beginPath();
      path(ctx);
      ctx.lineWidth = 4;
      ctx.strokeStyle = outline;
      ctx.stroke();
      ctx.fillStyle = colour;
      ctx.fill('evenodd');
      ctx.restore();
      if (video) videoBadge(ctx, 24, 8);
    },
  };
}

const spotPath: Path = (ctx) => ctx.arc(0, 0, 7, 0, 2 * Math.PI);

const flagPath: Path = (ctx) => {
  ctx.moveTo(-1, 12);
  ctx.lineTo(-1, -11);
  ctx.lineTo(11, -6);
  ctx.lineTo(2, -1);
  ctx.lineTo(2, 12);
  ctx.closePath();
};

const cameraPath: Path = (ctx) => {
  ctx.rect(-10, -6, 13, 12);
  ctx.moveTo(4, -1);
  ctx.lineTo(11, -6);
  ctx.lineTo(11, 6);
  ctx.lineTo(4, 1);
  ctx.closePath();
};

const crossPath: Path = (ctx) => {
  ctx.moveTo(-3, -10);
  for (const [x, y] of [[3, -10], [3, -3], [10, -3], [10, 3], [3, 3], [3, 10], [-3, 10], [-3, 3], [-10, 3], [-10, -3], [-3, -3]] as const) ctx.lineTo(x, y);
  ctx.closePath();
};

const emergencyPath: Path = (ctx) => {
  ctx.moveTo(0, -12);
  ctx.lineTo(12, 9);
  ctx.lineTo(-12, 9);
  ctx.closePath();
  ctx.rect(-1.5, -5, 3, 7.500);
  ctx.rect(-1.5, 4, 3, 3);
};

/** Small and many: the colour of the team, else shape and colour of the affiliation. */
export function dotKey({ item, kind }: Seen): string {
  if (kind === 'emergency') return 'dot/!';
  const team = teamColour(item.team);
  return team ? `dot/${team}` : `dot/${affiliationOf(item.type) ?? css(item.color, '#ffffff', 1)}`;
}

export function dotOf({ item, kind }: Seen): Drawing {
  const team = teamColour(item.team);
  const affiliation = affiliationOf(item.type);
  const colour = kind === 'emergency' ? '#ff3b30' : (team ?? (affiliation ? affiliationColours[affiliation] : css(item.color, '#ffffff', 1)));
  const shape = team || !affiliation ? 'friend' : affiliation;
  return {
    ...{ width: 14, height: 14, anchorX: 7, anchorY: 7 },
    draw: (ctx) => {
      ctx.beginPath();
      if (shape === 'hostile' || shape === 'suspect' || shape === 'joker' || shape === 'faker') {
        ctx.moveTo(7, 1.5);
        ctx.lineTo(12.5, 7);
        ctx.lineTo(7, 12.5);
        ctx.lineTo(1.5, 7);
        ctx.closePath();
      } else if (shape === 'neutral') ctx.rect(2.5, 2.5, 9, 9);
      else if (shape === 'unknown' || shape === 'pending') {
        for (const [x, y] of [[7, 4], [10, 7], [7, 10], [4, 7]] as const) {
          ctx.moveTo(x + 2.5, y);
          ctx.arc(x, y, 2.5, 0, 2 * Math.PI);
        }
      } else ctx.arc(7, 7, 4.5, 0, 2 * Math.PI);
      ctx.lineWidth = 2;
      ctx.strokeStyle = outline;
      ctx.stroke();
      ctx.fillStyle = colour;
      ctx.fill();
    },
  };
}

/** A symbol alone, for lists and cards. */
export function symbolCanvas(type: string, pixels: number): HTMLCanvasElement | null {
  const sidc = toSidc(type);
  return sidc ? new ms.Symbol(sidc, { size: pixels, outlineColor: outline, outlineWidth: 3, infoFields: false }).asCanvas() : null;
}
