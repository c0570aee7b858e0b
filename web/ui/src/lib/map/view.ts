/** What part of the world the screen shows. North is up, there is no tilt, so all is scale and shift. Pure. */
import type { Place } from '$lib/geo/distance';

export interface View {
  /** Centre in Web Mercator, 0 to 1 from west to east and from north to south. */
  x: number;
  y: number;
  /** CSS pixels around the world. */
  world: number;
  /** CSS pixels. */
  width: number;
  height: number;
}

/** Web Mercator ends here (degrees). */
export const mercatorLimit = 85.051129;

export const mercatorX = (lon: number) => (lon + 180) / 360;

export function mercatorY(lat: number): number {
  const sin = Math.sin((Math.max(-mercatorLimit, Math.min(mercatorLimit, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
}

export function lonOf(x: number): number {
  return (((x * 360) % 360) + 360) % 360 - 180;
}

export function latOf(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

export function viewOf(centre: Place, zoom: number, width: number, height: number): View {
  return { x: mercatorX(centre.lon), y: mercatorY(centre.lat), world: 512 * 2 ** zoom, width, height };
}

/** Pixels from the left; of the copies of the world the one nearest to the centre. */
export function screenX(view: View, x: number): number {
  let d = x - view.x;
  d -= Math.round(d);
  return view.width / 2 + d * view.world;
}

export function screenY(view: View, y: number): number {
  return view.height / 2 + (y - view.y) * view.world;
}

export function placeAt(view: View, px: number, py: number): Place {
  const lat = latOf(view.y + (py - view.height / 2) / view.world);
  return { lat, lon: lonOf(view.x + (px - view.width / 2) / view.world) };
}

/** MapLibre's zoom, whose tiles are 512 pixels wide. */
export const zoomOf = (view: View) => Math.log2(view.world / 512);

/** Metres that a pixel covers in the middle of the screen. */
export function metresPerPixel(view: View): number {
  return (40_075_016.686 * Math.cos((latOf(view.y) * Math.PI) / 180)) / view.world;
}

/** A round length for a scale bar of at most that many pixels. */
export function scaleBar(view: View, most: number): { metres: number; pixels: number } {
  const perPixel = metresPerPixel(view);
  const longest = perPixel * most;
  const power = 10 ** Math.floor(Math.log10(longest));
  const metres = [5, 2, 1].map((n) => n * power).find((m) => m <= longest) ?? power;
  return { metres, pixels: metres / perPixel };
}
