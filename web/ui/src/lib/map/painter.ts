/**
 * Draws the situation above the map: lines and areas on one canvas, symbols and names as pieces of one
 * atlas on another above it. Only what is on the screen is looked at closely. Thousands of tracks cost
 * a few milliseconds.
 */
import type { Place } from '$lib/geo/distance';
import { css, teamColour } from '$lib/tak/colours';
import { isStale, type Seen } from '$lib/tak/picture';
import { affiliationOf } from '$lib/tak/sidc';
import type { Presence } from '$lib/tak/voice';
import type { Sprite } from './atlas';
import { drawGrid, type GridStyle } from './grid';
import { line as lineOf, outlinesOf, type Line, type Outlines } from './outlines';
import { Room } from './room';
import type { Sprites } from './sprites';
import { dotKey, dotOf, symbolKey, symbolOf, voiceBadge } from './symbols';
import { mercatorX, mercatorY, screenX, screenY, zoomOf, type View } from './view';

export interface Layers {
  grid: boolean;
  labels: boolean;
  trails: boolean;
  vectors: boolean;
  sensors: boolean;
  drawings: boolean;
  stale: boolean;
}

export interface Scene {
  items: Iterable<Seen>;
  now: number;
  layers: Layers;
  /** Whether an item is shown at all; groups and filters. */
  shows: (seen: Seen) => boolean;
  selected: string;
  hovered: string;
  /** Uid of this browser on the map. */
  own: string;
  /** Corners of what is being measured. */
  measure: Place[];
  measureText: string[];
  /** A place that was looked for. */
  pin: Place | null;
  /** Where somebody was, oldest first. */
  track: [number, number][];
  /** CSS pixels at the left and at the bottom that panels cover: no label of the grid is put there. */
  inset: { left: number; bottom: number };
  /** How old, in words, for labels of what is stale. */
  age: (ms: number) => string;
  /** The room that the person with a device is in, if any, and that in words for its label. */
  presence: (uid: string) => Presence | undefined;
  presenceWords: (presence: Presence) => string;
}

export interface Look {
  dark: boolean;
  grid: GridStyle;
  text: string;
  halo: string;
  accent: string;
  danger: string;
  /** Of those who talk. */
  live: string;
}

/** More symbols than this on the screen are dots. */
const crowd = 400;

/** And so they are when the whole country is seen (zoom). */
const far = 6.5;

/** Seconds of the way ahead that the course line shows. */
const ahead = 60;

/** Beside the colours that people choose, so that white and yellow show on light ground too. */
const casing = '#0b0e11';

/** Names on the screen. */
const mostNames = 250;

/** Half of the room that a symbol claims, and half of what no name is written over (CSS pixels). */
const elbow = 9;
const reachOf = 14;
const dotReach = 6;

/** How far to the upper left of a symbol the badge of a room stands (CSS pixels). */
const badgeAt = 15;

/** How far the waves of who talks go to both sides (CSS pixels). */
const wavesReach = 34;

interface Placed {
  seen: Seen;
  x: number;
  y: number;
  /** Drawn as a dot. */
  small: boolean;
  presence: Presence | undefined;
}

export class Painter {
  #sprites: Sprites;
  #room = new Room();
  #ratio: number;
  /** What is on the screen, from the last painting. */
  #placed: Placed[] = [];
  #shapes: Seen[] = [];
  #view: View | null = null;
  look: Look;

  /** ratio: device pixels of a CSS pixel. */
  constructor(sprites: Sprites, ratio: number, look: Look) {
    this.#sprites = sprites;
    this.#ratio = ratio;
    this.look = look;
  }

  /** Makes every symbol and label again, for another theme or when the font is there. */
  forget(): void {
    this.#sprites.forget();
  }

  paint(ctx: CanvasRenderingContext2D, view: View, scene: Scene): void {
    this.#view = view;
    ctx.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    ctx.clearRect(0, 0, view.width, view.height);
    if (scene.layers.grid) drawGrid(ctx, view, this.look.grid, scene.inset);
    this.#collect(view, scene);
    this.#sprites.begin();
    for (const seen of this.#shapes) this.#shape(ctx, view, seen, scene);
    const dots = this.#placed.length > crowd || zoomOf(view) < far;
    if (scene.layers.trails && !dots) this.#trails(ctx, view, scene);
    if (scene.track.length > 1) this.#track(ctx, view, scene.track);
    if (scene.layers.vectors && !dots) this.#vectors(ctx, view, scene);
    this.#symbols(ctx, view, scene, dots);
    this.#names(view, scene);
    this.#measure(ctx, view, scene);
    if (scene.pin) this.#pin(ctx, view, scene.pin);
    this.#sprites.end();
  }

  /** What lies at a point of the screen: the nearest symbol, else a line, else nothing. reach in CSS pixels. */
  at(x: number, y: number, reach: number): Seen | null {
    let best: Seen | null = null;
    let nearest = reach * reach;
    // Later ones lie above earlier ones.
    for (let i = this.#placed.length - 1; i >= 0; i--) {
      const p = this.#placed[i]!;
      const d = (p.x - x) ** 2 + (p.y - y) ** 2;
      if (d < nearest) [nearest, best] = [d, p.seen];
    }
    if (best) return best;
    for (let i = this.#shapes.length - 1; i >= 0; i--) {
      const shape = outlines(this.#shapes[i]!).shape;
      if (shape && this.#view && near(this.#view, shape, x, y, reach / 2)) return this.#shapes[i]!;
    }
    return null;
  }

  /** Where a uid was painted, in CSS pixels; null when it is not on the screen. */
  positionOf(uid: string): { x: number; y: number } | null {
    return this.#placed.find((p) => p.seen.item.uid === uid) ?? null;
  }

  #collect(view: View, scene: Scene): void {
    this.#placed = [];
    this.#shapes = [];
    const margin = 40;
    const things: Placed[] = [];
    const people: Placed[] = [];
    const first: Placed[] = [];
    for (const seen of scene.items) {
      if (!scene.shows(seen)) continue;
      const { item, kind } = seen;
      const chosen = item.uid === scene.selected || item.uid === scene.hovered;
      const stale = isStale(item, scene.now);
      if (!scene.layers.stale && !chosen && stale) continue;
      const drawn = kind === 'drawing' || kind === 'route' || kind === 'measure' || kind === 'geofence';
      if (drawn || item.sensor || item.ellipse || item.points) this.#shapes.push(seen);
      const x = screenX(view, seen.x);
      const y = screenY(view, seen.y);
      if (x < -margin || y < -margin || x > view.width + margin || y > view.height + margin) continue;
      if (drawn && !chosen) continue;
      const presence = scene.presence(item.uid);
      const placed = { seen, x, y, small: false, presence };
      if (chosen || kind === 'emergency' || presence?.talks) first.push(placed);
      else if (stale) this.#placed.push(placed);
      else (kind === 'person' ? people : things).push(placed);
    }
    // What is current above what is old, people above things, what is meant above all; names are placed
    // in the opposite order.
    for (const list of [things, people, first]) for (const p of list) this.#placed.push(p);
  }

  #shape(ctx: CanvasRenderingContext2D, view: View, seen: Seen, scene: Scene): void {
    const { item, kind } = seen;
    const { shape, cone } = outlines(seen);
    const faded = isStale(item, scene.now) ? 0.45 : 1;
    if (cone && scene.layers.sensors && onScreen(view, cone)) {
      const colour = teamColour(item.team) ?? (affiliationOf(item.type) === 'hostile' ? '#ff8080' : '#80e0ff');
      trace(ctx, view, cone);
      ctx.globalAlpha = 0.16 * faded;
      ctx.fillStyle = colour;
      ctx.fill();
      ctx.globalAlpha = 0.8 * faded;
      ctx.lineWidth = 1.25;
      ctx.strokeStyle = colour;
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    if (!shape || !scene.layers.drawings || !onScreen(view, shape)) return;
    const chosen = item.uid === scene.selected || item.uid === scene.hovered;
    trace(ctx, view, shape);
    ctx.globalAlpha = faded;
    if (shape.closed && item.fillColor !== undefined) {
      ctx.fillStyle = css(item.fillColor, 'transparent', 0.5);
      ctx.fill();
    }
    const stroke = css(item.strokeColor ?? item.color, kind === 'route' ? '#ffffff' : this.look.accent);
    const weight = Math.max(1.5, Math.min(8, item.strokeWeight ?? (kind === 'route' ? 3 : 2)));
    ctx.lineJoin = ctx.lineCap = 'round';
    ctx.lineWidth = weight + (chosen ? 6 : 2.5);
    ctx.strokeStyle = chosen ? this.look.accent : casing;
    ctx.globalAlpha = faded * (chosen ? 0.9 : 0.5);
    ctx.stroke();
    ctx.globalAlpha = faded;
    ctx.lineWidth = weight;
    ctx.strokeStyle = stroke;
    if (kind === 'geofence') ctx.setLineDash([10, 6]);
    ctx.stroke();
    ctx.setLineDash([]);
    if (kind === 'route') this.#stops(ctx, view, shape, stroke);
    ctx.globalAlpha = 1;
  }

  #stops(ctx: CanvasRenderingContext2D, view: View, shape: Line, colour: string): void {
    ctx.fillStyle = this.look.halo;
    ctx.strokeStyle = colour;
    ctx.lineWidth = 2;
    for (let i = 0; i < shape.xy.length; i += 2) {
      ctx.beginPath();
      ctx.arc(screenX(view, shape.xy[i]!), screenY(view, shape.xy[i + 1]!), 4, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }
  }

  #trails(ctx: CanvasRenderingContext2D, view: View, scene: Scene): void {
    ctx.lineWidth = 2;
    ctx.lineJoin = 'round';
    ctx.globalAlpha = 0.65;
    for (const { seen, x, y } of this.#placed) {
      if (seen.trail.length === 0 || isStale(seen.item, scene.now)) continue;
      ctx.strokeStyle = teamColour(seen.item.team) ?? (affiliationOf(seen.item.type) === 'hostile' ? '#ff8080' : '#80e0ff');
      ctx.beginPath();
      ctx.moveTo(x, y);
      for (let i = seen.trail.length - 2; i >= 0; i -= 2) ctx.lineTo(screenX(view, seen.trail[i]!), screenY(view, seen.trail[i + 1]!));
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
  }

  /** The way of one, with a dark line below so that it shows on any ground. */
  #track(ctx: CanvasRenderingContext2D, view: View, track: [number, number][]): void {
    trace(ctx, view, lineOf(track, false));
    ctx.lineJoin = 'round';
    for (const [width, colour] of [[6, this.look.halo], [3, this.look.accent]] as const) {
      ctx.lineWidth = width;
      ctx.strokeStyle = colour;
      ctx.stroke();
    }
  }

  #vectors(ctx: CanvasRenderingContext2D, view: View, scene: Scene): void {
    const metre = view.world / 40_075_016.686;
    for (const seeing of this.#placed) {
      const { course, speed, lat } = seeing.seen.item;
      if (course === undefined || !speed || speed < 0.5 || isStale(seeing.seen.item, scene.now)) continue;
      const far = Math.max(24, Math.min(70, (speed * ahead * metre) / Math.cos((lat * Math.PI) / 180)));
      const [dx, dy] = [Math.sin((course * Math.PI) / 180), -Math.cos((course * Math.PI) / 180)];
      ctx.beginPath();
      ctx.moveTo(seeing.x + dx * 14, seeing.y + dy * 14);
      ctx.lineTo(seeing.x + dx * far, seeing.y + dy * far);
      ctx.lineWidth = 4;
      ctx.strokeStyle = this.look.halo;
      ctx.stroke();
      ctx.lineWidth = 1.75;
      ctx.strokeStyle = this.look.text;
      ctx.stroke();
    }
  }

  /** Symbols where there is room for them; what another symbol would hide stands above it as a dot. */
  #symbols(ctx: CanvasRenderingContext2D, view: View, scene: Scene, dots: boolean): void {
    const small: Placed[] = [];
    const large: Placed[] = [];
    const meant: Placed[] = [];
    this.#room.reset(view.width, view.height);
    for (let i = this.#placed.length - 1; i >= 0; i--) {
      const p = this.#placed[i]!;
      const { item, kind } = p.seen;
      const chosen = item.uid === scene.selected || item.uid === scene.hovered || kind === 'emergency' || p.presence?.talks;
      const fits = chosen || (!dots && this.#room.take(p.x - elbow, p.y - elbow, 2 * elbow, 2 * elbow));
      p.small = !fits;
      (chosen ? meant : fits ? large : small).push(p);
    }
    for (const list of [large, small, meant]) for (let i = list.length - 1; i >= 0; i--) this.#symbol(ctx, scene, list[i]!);
  }

  #symbol(ctx: CanvasRenderingContext2D, scene: Scene, { seen, x, y, small, presence }: Placed): void {
    const chosen = seen.item.uid === scene.selected || seen.item.uid === scene.hovered;
    const s = small ? this.#sprites.get(dotKey(seen), () => dotOf(seen)) : this.#sprites.get(symbolKey(seen), () => symbolOf(seen));
    if (chosen || seen.kind === 'emergency') ring(ctx, x, y, seen.kind === 'emergency' ? this.look.danger : this.look.accent, chosen);
    this.#sprites.add(s, x, y, isStale(seen.item, scene.now) ? 0.45 : 1);
    if (presence?.talks) waves(ctx, x, y, this.look);
    if (presence && !small) {
      const colour = presence.talks ? this.look.live : '';
      this.#sprites.add(this.#sprites.get(`voice/${colour}`, () => voiceBadge(colour, this.look.dark)), x - badgeAt, y - badgeAt, 1);
    }
    if (seen.item.uid === scene.own) ring(ctx, x, y, this.look.text, false);
  }

  #names(view: View, scene: Scene): void {
    this.#room.reset(view.width, view.height);
    // In a crowd only what stands alone gets its name; symbols are not written over.
    for (const { x, y, small } of this.#placed) {
      const reach = small ? dotReach : reachOf;
      this.#room.take(x - reach, y - reach, 2 * reach, 2 * reach, true);
    }
    let left = mostNames;
    for (let i = this.#placed.length - 1; i >= 0 && left > 0; i--) {
      const { seen, x, y, small, presence } = this.#placed[i]!;
      const reach = small ? dotReach : reachOf;
      const chosen = seen.item.uid === scene.selected || seen.item.uid === scene.hovered;
      if ((!scene.layers.labels && !chosen) || seen.item.callsign === '') continue;
      const stale = isStale(seen.item, scene.now);
      const text = stale ? `${seen.item.callsign}\n${scene.age(scene.now - seen.item.time)}` : seen.item.callsign;
      const force = chosen || seen.kind === 'emergency' || presence?.talks === true;
      // Where there is no room for both, the name alone.
      const wide = presence?.talks ? wavesReach : reach;
      const whole = presence !== undefined && this.#nameBeside(`${text}\n${scene.presenceWords(presence)}`, x, y, reach, wide, force, stale);
      if (whole || this.#nameBeside(text, x, y, reach, wide, force, stale)) left--;
    }
    if (!scene.layers.labels || !scene.layers.drawings) return;
    for (const seen of this.#shapes) {
      const shape = outlines(seen).shape;
      if (!shape || seen.item.callsign === '' || !onScreen(view, shape)) continue;
      // An area has its name above it, a line at its middle.
      const [west, north, east] = shape.box;
      const middle = 2 * Math.floor(shape.xy.length / 4);
      const [x, y] = shape.closed ? [(west + east) / 2, north] : [shape.xy[middle]!, shape.xy[middle + 1]!];
      this.#name(seen.item.callsign, screenX(view, x), screenY(view, y) - 20, false, isStale(seen.item, scene.now));
    }
  }

  /** Writes a name below a symbol, else beside or above it, wherever there is room; reach and wide: how far it goes. */
  #nameBeside(text: string, x: number, y: number, reach: number, wide: number, force: boolean, stale: boolean): boolean {
    // In a crowd most names find no room: that is found out before anything is measured or drawn.
    const lines = text.split('\n');
    const width = Math.max(...lines.map((l) => l.length)) * 7 + 4;
    const height = lines.length * 15 + 4;
    const side = wide + 4 + width / 2;
    const room = this.#room;
    if (room.isFree(x - width / 2, y + reach + 2, width, height)) return this.#name(text, x, y + reach + 2, force, stale);
    if (room.isFree(x + wide + 4, y - height / 2, width, height)) return this.#name(text, x + side, y - height / 2, force, stale);
    if (room.isFree(x - wide - 4 - width, y - height / 2, width, height)) return this.#name(text, x - side, y - height / 2, force, stale);
    if (room.isFree(x - width / 2, y - reach - 4 - height, width, height)) return this.#name(text, x, y - reach - 4 - height, force, stale);
    return force && this.#name(text, x, y + reach + 2, true, stale);
  }

  /** Writes a name below a point, when there is room. */
  #name(text: string, x: number, y: number, force: boolean, stale: boolean): boolean {
    const s = this.#label(text, stale);
    const left = Math.round(x - s.width / 2);
    const top = Math.round(y);
    if (!this.#room.take(left, top, s.width, s.height, force)) return false;
    this.#sprites.add(s, left, top, 1);
    return true;
  }

  #label(text: string, stale: boolean): Sprite {
    return this.#sprites.get(`text/${stale ? 's' : ''}/${text}`, () => {
      const lines = text.split('\n');
      const width = Math.ceil(Math.max(...lines.map((l) => this.#measureText(l)))) + 8;
      return {
        ...{ width, height: lines.length * 15 + 4, anchorX: 0, anchorY: 0 },
        draw: (ctx) => {
          ctx.font = labelFont;
          ctx.textAlign = 'center';
          ctx.textBaseline = 'middle';
          ctx.lineJoin = 'round';
          ctx.lineWidth = 3.5;
          lines.forEach((l, i) => {
            ctx.strokeStyle = this.look.halo;
            ctx.strokeText(l, width / 2, 9 + i * 15);
            ctx.globalAlpha = stale ? 0.75 : 1;
            ctx.fillStyle = this.look.text;
            ctx.fillText(l, width / 2, 9 + i * 15);
            ctx.globalAlpha = 1;
          });
        },
      };
    });
  }

  #ruler = document.createElement('canvas').getContext('2d')!;

  #measureText(text: string): number {
    this.#ruler.font = labelFont;
    return this.#ruler.measureText(text).width;
  }

  #measure(ctx: CanvasRenderingContext2D, view: View, scene: Scene): void {
    const points = scene.measure.map((p) => [screenX(view, mercatorX(p.lon)), screenY(view, mercatorY(p.lat))] as const);
    if (points.length === 0) return;
    for (const [width, colour] of [[5, this.look.halo], [2, this.look.accent]] as const) {
      ctx.beginPath();
      points.forEach(([x, y], i) => (i === 0 ? ctx.moveTo(x, y) : ctx.lineTo(x, y)));
      ctx.lineWidth = width;
      ctx.strokeStyle = colour;
      ctx.stroke();
    }
    points.forEach(([x, y], i) => {
      ctx.beginPath();
      ctx.arc(x, y, 4, 0, 2 * Math.PI);
      ctx.fillStyle = this.look.accent;
      ctx.fill();
      const before = points[i - 1];
      const text = scene.measureText[i - 1];
      if (before && text) this.#name(text, (x + before[0]) / 2, (y + before[1]) / 2 - 22, true, false);
    });
  }

  #pin(ctx: CanvasRenderingContext2D, view: View, pin: Place): void {
    const x = screenX(view, mercatorX(pin.lon));
    const y = screenY(view, mercatorY(pin.lat));
    for (const [width, colour] of [[5, this.look.halo], [2, this.look.accent]] as const) {
      ctx.beginPath();
      ctx.arc(x, y, 9, 0, 2 * Math.PI);
      for (const [dx, dy] of [[0, -1], [1, 0], [0, 1], [-1, 0]] as const) {
        ctx.moveTo(x + dx * 5, y + dy * 5);
        ctx.lineTo(x + dx * 16, y + dy * 16);
      }
      ctx.lineWidth = width;
      ctx.strokeStyle = colour;
      ctx.stroke();
    }
  }
}

const labelFont = '500 12px Plex, sans-serif';

function outlines(seen: Seen): Outlines {
  return (seen.drawn ??= outlinesOf(seen.item)) as Outlines;
}

function ring(ctx: CanvasRenderingContext2D, x: number, y: number, colour: string, strong: boolean): void {
  ctx.beginPath();
  ctx.arc(x, y, 22, 0, 2 * Math.PI);
  ctx.lineWidth = strong ? 3 : 2;
  ctx.strokeStyle = colour;
  ctx.stroke();
}

/** Sound that goes out from a symbol on both sides. */
function waves(ctx: CanvasRenderingContext2D, x: number, y: number, look: Look): void {
  ctx.lineCap = 'round';
  for (const [width, colour] of [[6, look.halo], [3, look.live]] as const) {
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    for (const r of [24, 31]) {
      for (const side of [0, Math.PI]) {
        ctx.beginPath();
        ctx.arc(x, y, r, side - 0.75, side + 0.75);
        ctx.stroke();
      }
    }
  }
}

/** Pixels from the left for a line whose first place is drawn nearest to the centre. */
function shiftOf(view: View, shape: Line): number {
  return screenX(view, shape.xy[0]!) - (view.width / 2 + (shape.xy[0]! - view.x) * view.world);
}

function trace(ctx: CanvasRenderingContext2D, view: View, shape: Line): void {
  const { xy } = shape;
  const dx = view.width / 2 - view.x * view.world + shiftOf(view, shape);
  const dy = view.height / 2 - view.y * view.world;
  ctx.beginPath();
  ctx.moveTo(xy[0]! * view.world + dx, xy[1]! * view.world + dy);
  for (let i = 2; i < xy.length; i += 2) ctx.lineTo(xy[i]! * view.world + dx, xy[i + 1]! * view.world + dy);
  if (shape.closed) ctx.closePath();
}

function onScreen(view: View, { box, xy }: Line): boolean {
  const shift = shiftOf(view, { box, xy, closed: false });
  const dx = view.width / 2 - view.x * view.world + shift;
  const dy = view.height / 2 - view.y * view.world;
  return box[2] * view.world + dx > 0 && box[0] * view.world + dx < view.width && box[3] * view.world + dy > 0 && box[1] * view.world + dy < view.height;
}

/** Whether a point of the screen is on the line, or within a small closed one. */
function near(view: View, shape: Line, px: number, py: number, reach: number): boolean {
  const { xy } = shape;
  const dx = view.width / 2 - view.x * view.world + shiftOf(view, shape);
  const dy = view.height / 2 - view.y * view.world;
  const count = xy.length / 2;
  for (let i = 0; i < (shape.closed ? count : count - 1); i++) {
    const j = (i + 1) % count;
    const [ax, ay] = [xy[2 * i]! * view.world + dx, xy[2 * i + 1]! * view.world + dy];
    const [bx, by] = [xy[2 * j]! * view.world + dx, xy[2 * j + 1]! * view.world + dy];
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length));
    if ((px - ax - t * (bx - ax)) ** 2 + (py - ay - t * (by - ay)) ** 2 < reach * reach) return true;
  }
  return false;
}
