/** What an item draws on the ground besides its symbol, as lines in Web Mercator. Pure. */
import type { Item } from '$lib/api/situation';
import { away } from '$lib/geo/distance';
import { cone, ellipse, type Outline } from '$lib/geo/shapes';
import { mercatorX, mercatorY } from './view';

export interface Line {
  /** x, y pairs; each x is near the one before, so that no line runs around the world. */
  xy: Float64Array;
  closed: boolean;
  /** West, north, east, south. */
  box: [number, number, number, number];
}

export interface Outlines {
  shape: Line | null;
  cone: Line | null;
}

/** Metres that a cone reaches when its sensor does not say. */
const usualRange = 1000;

export function outlinesOf(item: Item): Outlines {
  return { shape: shapeOf(item), cone: coneOf(item) };
}

function shapeOf(item: Item): Line | null {
  if (item.points && item.points.length > 1) return line(item.points, item.closed ?? false);
  if (item.ellipse) return line(ellipse(item, item.ellipse.major, item.ellipse.minor, item.ellipse.angle), true);
  if (item.rangeBearing) {
    const end = away(item, item.rangeBearing.range, item.rangeBearing.bearing);
    return line([[item.lat, item.lon], [end.lat, end.lon]], false);
  }
  return null;
}

function coneOf({ sensor, ...item }: Item): Line | null {
  if (!sensor || !(sensor.fov > 0)) return null;
  return line(cone(item, sensor.azimuth, sensor.fov, sensor.range > 0 ? sensor.range : usualRange), true);
}

export function line(points: Outline, closed: boolean): Line {
  const xy = new Float64Array(points.length * 2);
  const box: Line['box'] = [Infinity, Infinity, -Infinity, -Infinity];
  let before = mercatorX(points[0]![1]);
  points.forEach(([lat, lon], i) => {
    let x = mercatorX(lon);
    x -= Math.round(x - before);
    before = x;
    const y = mercatorY(lat);
    xy[2 * i] = x;
    xy[2 * i + 1] = y;
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  });
  return { xy, closed, box };
}
