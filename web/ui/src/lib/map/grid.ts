/** The lines of the grid: degrees while the world is small, the military grid when one is near. */
import { fromUtm, square, toUtm, zoneOf } from '$lib/geo/mgrs';
import { latOf, lonOf, mercatorX, mercatorY, metresPerPixel, placeAt, screenX, screenY, zoomOf, type View } from './view';

export interface GridStyle {
  line: string;
  label: string;
  halo: string;
}

/** Lines closer than this are a carpet (CSS pixels). */
const closest = 90;

export interface Inset {
  left: number;
  bottom: number;
}

/** inset: what panels cover, where no label is put (CSS pixels). */
export function drawGrid(ctx: CanvasRenderingContext2D, view: View, style: GridStyle, inset: Inset): void {
  ctx.save();
  ctx.strokeStyle = style.line;
  ctx.lineWidth = 1;
  ctx.font = '500 11px Plex, sans-serif';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  if (zoomOf(view) < 6.5 || Math.abs(latOf(view.y)) > 79) degreesGrid(ctx, view, style, inset);
  else metreGrid(ctx, view, style, inset);
  ctx.restore();
}

function label(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, style: GridStyle): void {
  ctx.lineWidth = 3;
  ctx.strokeStyle = style.halo;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = style.label;
  ctx.fillText(text, x, y);
  ctx.lineWidth = 1;
  ctx.strokeStyle = style.line;
}

function degreesGrid(ctx: CanvasRenderingContext2D, view: View, style: GridStyle, inset: Inset): void {
  const perDegree = view.world / 360;
  const step = [1, 2, 5, 10, 15, 30, 45].find((s) => s * perDegree >= closest) ?? 90;
  const left = view.x - view.width / 2 / view.world;
  const right = view.x + view.width / 2 / view.world;
  const labels: [string, number, number][] = [];
  ctx.beginPath();
  for (let lon = Math.ceil((left * 360 - 180) / step) * step; lon <= right * 360 - 180; lon += step) {
    const x = Math.round(view.width / 2 + (mercatorX(lon) - view.x) * view.world) + 0.5;
    ctx.moveTo(x, 0);
    ctx.lineTo(x, view.height);
    const shown = Math.round(lonOf(mercatorX(lon)));
    labels.push([`${Math.abs(shown)}°${shown < 0 ? ' W' : shown > 0 ? ' E' : ''}`, x + 4, view.height - inset.bottom - 10]);
  }
  for (let lat = -90 + step; lat < 90; lat += step) {
    const y = Math.round(screenY(view, mercatorY(lat))) + 0.5;
    if (y < 0 || y > view.height) continue;
    ctx.moveTo(0, y);
    ctx.lineTo(view.width, y);
    labels.push([`${Math.abs(lat)}°${lat < 0 ? ' S' : lat > 0 ? ' N' : ''}`, inset.left + 6, y - 9]);
  }
  ctx.stroke();
  for (const [text, x, y] of labels) label(ctx, text, x, y, style);
}

/** Zones that the view touches; at the scale of the metre grid never more than a few. */
function zones(view: View): number[] {
  const found = new Set<number>();
  for (let i = 0; i <= 8; i++) found.add(zoneOf(placeAt(view, (view.width * i) / 8, view.height / 2)));
  return [...found];
}

function metreGrid(ctx: CanvasRenderingContext2D, view: View, style: GridStyle, inset: Inset): void {
  const perPixel = metresPerPixel(view);
  const step = [100, 1000, 10_000, 100_000].find((s) => s / perPixel >= closest) ?? 100_000;
  for (const zone of zones(view)) zoneGrid(ctx, view, style, zone, step, inset);
}

function zoneGrid(ctx: CanvasRenderingContext2D, view: View, style: GridStyle, zone: number, step: number, inset: Inset): void {
  const north = latOf(view.y) >= 0;
  const west = zone * 6 - 186;
  const [leftEdge, rightEdge] = [screenX(view, mercatorX(west)), screenX(view, mercatorX(west + 6))];
  // Norway and Svalbard have zones of other widths; there the lines are not clipped.
  const regular = zoneOf(placeAt(view, view.width / 2, view.height / 2)) === Math.floor((lonOf(view.x) + 180) / 6) + 1;
  const [from, to] = regular ? [Math.max(0, leftEdge), Math.min(view.width, rightEdge)] : [0, view.width];
  if (to - from < 2) return;
  const corners = [[from, 0], [to, 0], [from, view.height], [to, view.height], [from, view.height / 2], [to, view.height / 2]].map(([x, y]) => {
    const utm = toUtm(placeAt(view, x!, y!), zone);
    // One half of the world is counted on into the other.
    const shift = north === utm.north ? 0 : north ? -10_000_000 : 10_000_000;
    return { easting: utm.easting, northing: utm.northing + shift };
  });
  const eastings = corners.map((c) => c.easting);
  const northings = corners.map((c) => c.northing);
  const [e0, e1] = [Math.floor(Math.min(...eastings) / step) * step, Math.max(...eastings)];
  const [n0, n1] = [Math.floor(Math.min(...northings) / step) * step, Math.max(...northings)];
  if ((e1 - e0) / step > 60 || (n1 - n0) / step > 60) return;

  const at = (easting: number, northing: number): [number, number] => {
    const p = fromUtm({ zone, north, easting, northing });
    return [screenX(view, mercatorX(p.lon)), screenY(view, mercatorY(p.lat))];
  };
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, 0, to - from, view.height);
  ctx.clip();
  ctx.beginPath();
  const pieces = 8;
  for (let e = e0; e <= e1 + step; e += step) {
    for (let i = 0; i <= pieces; i++) {
      const [x, y] = at(e, n0 + ((n1 + step - n0) * i) / pieces);
      if (i === 0) ctx.moveTo(x, y);
      else ctx.lineTo(x, y);
    }
  }
  for (let n = n0; n <= n1 + step; n += step) {
    for (let i = 0; i <= pieces; i++) {
      const [x, y] = at(e0 + ((e1 + step - e0) * i) / pieces, n);
      if (i === 0) ctx.moveTo(x, y);
      else ctx.lineTo(x, y);
    }
  }
  ctx.stroke();
  labels(ctx, style, { zone, step, e0, e1, n0, n1, left: Math.max(from, inset.left), bottom: view.height - inset.bottom, at });
  ctx.restore();
}

interface Range {
  zone: number;
  step: number;
  e0: number;
  e1: number;
  n0: number;
  n1: number;
  /** Where labels may begin, from the left and from above (CSS pixels). */
  left: number;
  bottom: number;
  at: (easting: number, northing: number) => [number, number];
}

function labels(ctx: CanvasRenderingContext2D, style: GridStyle, r: Range): void {
  if (r.step === 100_000) {
    for (let e = r.e0; e <= r.e1; e += r.step) {
      for (let n = r.n0; n <= r.n1; n += r.step) {
        const [x, y] = r.at(e, n);
        label(ctx, square(r.zone, e + 1, ((n + 1) % 2_000_000 + 2_000_000) % 2_000_000), x + 6, y - 10, style);
      }
    }
    return;
  }
  const digits = r.step === 100 ? 3 : 2;
  const unit = r.step === 100 ? 100 : 1000;
  const name = (metres: number) => String(Math.floor((((metres % 100_000) + 100_000) % 100_000) / unit)).padStart(digits, '0');
  // Numbers stand along the lower edge and the left one.
  for (let e = r.e0; e <= r.e1 + r.step; e += r.step) {
    const [x0, y0] = r.at(e, r.n0);
    const [x1, y1] = r.at(e, r.n1);
    const y = r.bottom - 10;
    const x = y0 === y1 ? x0 : x0 + ((x1 - x0) * (y - y0)) / (y1 - y0);
    label(ctx, name(e), x + 4, y, style);
  }
  for (let n = r.n0; n <= r.n1 + r.step; n += r.step) {
    const [x0, y0] = r.at(r.e0, n);
    const [x1, y1] = r.at(r.e1, n);
    const x = r.left + 6;
    const y = x0 === x1 ? y0 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
    if (y > 8 && y < r.bottom - 22) label(ctx, name(n), x, y - 8, style);
  }
}

