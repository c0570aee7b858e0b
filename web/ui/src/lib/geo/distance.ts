/** Distances and bearings on the WGS 84 ellipsoid. Pure; degrees in and out, metres for lengths. */
import { decimal, figure } from '$lib/locale';

export interface Place {
  lat: number;
  lon: number;
}

/** Semi-major axis (m) and flattening of WGS 84. */
export const semiMajor = 6_378_137;
export const flattening = 1 / 298.257223563;

const rad = Math.PI / 180;

/** Mean radius (m), for what need not be exact. */
const meanRadius = 6_371_008.8;

/**
 * Length (m) and initial bearing (degrees from true north, 0 to 360) of the way from a to b, by
 * Vincenty's inverse formula; where that does not converge, near the antipode, on the sphere.
 */
export function between(a: Place, b: Place): { metres: number; bearing: number } {
  if (a.lat === b.lat && a.lon === b.lon) return { metres: 0, bearing: 0 };
  const semiMinor = semiMajor * (1 - flattening);
  const L = (b.lon - a.lon) * rad;
  const U1 = Math.atan((1 - flattening) * Math.tan(a.lat * rad));
  const U2 = Math.atan((1 - flattening) * Math.tan(b.lat * rad));
  const [sinU1, cosU1, sinU2, cosU2] = [Math.sin(U1), Math.cos(U1), Math.sin(U2), Math.cos(U2)];
  let lambda = L;
  for (let i = 0; i < 100; i++) {
    const [sinL, cosL] = [Math.sin(lambda), Math.cos(lambda)];
    const sinSigma = Math.hypot(cosU2 * sinL, cosU1 * sinU2 - sinU1 * cosU2 * cosL);
    if (sinSigma === 0) return { metres: 0, bearing: 0 };
    const cosSigma = sinU1 * sinU2 + cosU1 * cosU2 * cosL;
    const sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (cosU1 * cosU2 * sinL) / sinSigma;
    const cos2Alpha = 1 - sinAlpha * sinAlpha;
    const cos2M = cos2Alpha === 0 ? 0 : cosSigma - (2 * sinU1 * sinU2) / cos2Alpha;
    const C = (flattening / 16) * cos2Alpha * (4 + flattening * (4 - 3 * cos2Alpha));
    const before = lambda;
    lambda = L + (1 - C) * flattening * sinAlpha * (sigma + C * sinSigma * (cos2M + C * cosSigma * (2 * cos2M * cos2M - 1)));
    if (Math.abs(lambda - before) > 1e-12) continue;
    const u2 = (cos2Alpha * (semiMajor ** 2 - semiMinor ** 2)) / semiMinor ** 2;
    const A = 1 + (u2 / 16384) * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)));
    const B = (u2 / 1024) * (256 + u2 * (-128 + u2 * (74 - 47 * u2)));
    const delta =
      B * sinSigma * (cos2M + (B / 4) * (cosSigma * (2 * cos2M ** 2 - 1) - (B / 6) * cos2M * (4 * sinSigma ** 2 - 3) * (4 * cos2M ** 2 - 3)));
    const bearing = Math.atan2(cosU2 * Math.sin(lambda), cosU1 * sinU2 - sinU1 * cosU2 * Math.cos(lambda)) / rad;
    return { metres: semiMinor * A * (sigma - delta), bearing: (bearing + 360) % 360 };
  }
  return onSphere(a, b);
}

function onSphere(a: Place, b: Place): { metres: number; bearing: number } {
  const [p, q, d] = [a.lat * rad, b.lat * rad, (b.lon - a.lon) * rad];
  const h = Math.sin((q - p) / 2) ** 2 + Math.cos(p) * Math.cos(q) * Math.sin(d / 2) ** 2;
  const bearing = Math.atan2(Math.sin(d) * Math.cos(q), Math.cos(p) * Math.sin(q) - Math.sin(p) * Math.cos(q) * Math.cos(d)) / rad;
  return { metres: 2 * meanRadius * Math.asin(Math.min(1, Math.sqrt(h))), bearing: (bearing + 360) % 360 };
}

/** The place reached from a after metres in the direction of bearing, on the sphere. */
export function away(a: Place, metres: number, bearing: number): Place {
  const [lat, turn, arc] = [a.lat * rad, bearing * rad, metres / meanRadius];
  const sin = Math.sin(lat) * Math.cos(arc) + Math.cos(lat) * Math.sin(arc) * Math.cos(turn);
  const to = Math.asin(Math.max(-1, Math.min(1, sin)));
  const lon = a.lon + Math.atan2(Math.sin(turn) * Math.sin(arc) * Math.cos(lat), Math.cos(arc) - Math.sin(lat) * sin) / rad;
  return { lat: to / rad, lon: ((((lon + 180) % 360) + 360) % 360) - 180 };
}

/** "640 m", "3.2 km", "118 km". */
export function length(metres: number): string {
  if (metres < 1000) return figure(`${Math.round(metres)} m`);
  if (metres < 100_000) return figure(`${decimal(metres / 1000, metres < 10_000 ? 2 : 1)} km`);
  return figure(`${Math.round(metres / 1000)} km`);
}

/** "042°". */
export function degrees(bearing: number): string {
  return `${String(Math.round(bearing) % 360).padStart(3, '0')}°`;
}
