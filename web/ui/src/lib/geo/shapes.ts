/** Outlines of round things on the ground, as [lat, lon] points. Pure. */
import { away, type Place } from './distance';

export type Outline = [number, number][];

/** An ellipse: half axes in metres; angle is that of the major axis from north, clockwise. */
export function ellipse(centre: Place, major: number, minor: number, angle: number, steps = 72): Outline {
  const outline: Outline = [];
  for (let i = 0; i < steps; i++) {
    const turn = (i / steps) * 2 * Math.PI;
    const [along, across] = [Math.cos(turn) * major, Math.sin(turn) * minor];
    const p = away(centre, Math.hypot(along, across), angle + (Math.atan2(across, along) * 180) / Math.PI);
    outline.push([p.lat, p.lon]);
  }
  return outline;
}

/** What a sensor sees: from its place out to range metres, fov degrees wide around azimuth. */
export function cone(from: Place, azimuth: number, fov: number, range: number): Outline {
  const wide = Math.min(360, Math.max(1, fov));
  const steps = Math.max(4, Math.ceil(wide / 5));
  const outline: Outline = wide < 360 ? [[from.lat, from.lon]] : [];
  for (let i = 0; i <= steps; i++) {
    const p = away(from, range, azimuth - wide / 2 + (wide * i) / steps);
    outline.push([p.lat, p.lon]);
  }
  return outline;
}
