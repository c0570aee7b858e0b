/** Coordinates as people write them. Pure. */
import { figure } from '$lib/locale';
import type { Place } from './distance';
import { fromMgrs } from './mgrs';

/** "47.26012° N 11.39345° E": five places are about a metre. */
export function latLon(place: Place, digits = 5): string {
  const part = (value: number, plus: string, minus: string) => `${Math.abs(value).toFixed(digits)}° ${value < 0 ? minus : plus}`;
  return figure(`${part(place.lat, 'N', 'S')} ${part(place.lon, 'E', 'W')}`);
}

/** For pasting elsewhere: "47.26012, 11.39345". */
export function plain(place: Place): string {
  return `${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`;
}

/** Reads a place: a grid reference, decimal degrees, or degrees with minutes and seconds. */
export function parsePlace(text: string): Place | null {
  const trimmed = text.trim();
  return fromMgrs(trimmed) ?? decimal(trimmed) ?? sexagesimal(trimmed);
}

function decimal(text: string): Place | null {
  const match = /^([+-]?\d{1,2}(?:\.\d+)?)\s*°?\s*([NS])?\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*([EWO])?$/i.exec(text);
  if (!match) return null;
  // Two whole numbers alone are no place that anybody means.
  if (!/[.,;°NSEW]/i.test(text)) return null;
  return whole(signed(match[1]!, match[2]), signed(match[3]!, match[4]));
}

function signed(number: string, letter: string | undefined): number {
  const value = Number(number);
  return letter && /[SW]/i.test(letter) ? -value : value;
}

const angle = String.raw`(\d{1,3})[°\s]\s*(\d{1,2}(?:\.\d+)?)['′\s]?\s*(?:(\d{1,2}(?:\.\d+)?)["″]?)?\s*`;
const both = new RegExp(`^${angle}([NS])[,\\s]*${angle}([EW])$`, 'i');

function sexagesimal(text: string): Place | null {
  const m = both.exec(text);
  if (!m) return null;
  const value = (d: string, min: string, s: string | undefined, letter: string) => {
    const n = Number(d) + Number(min) / 60 + Number(s ?? 0) / 3600;
    return /[SW]/i.test(letter) ? -n : n;
  };
  if (Number(m[2]) >= 60 || Number(m[6]) >= 60) return null;
  return whole(value(m[1]!, m[2]!, m[3], m[4]!), value(m[5]!, m[6]!, m[7], m[8]!));
}

function whole(lat: number, lon: number): Place | null {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}
