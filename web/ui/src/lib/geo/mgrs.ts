/**
 * UTM and the Military Grid Reference System on WGS 84 (NGA.STND.0037), between 80° S and 84° N. The
 * projection is Krüger's series to the sixth order, good to well below a millimetre inside a zone.
 * Pure.
 */
import { flattening, semiMajor, type Place } from './distance';

export interface Utm {
  /** 1 to 60. */
  zone: number;
  north: boolean;
  /** Metres. */
  easting: number;
  northing: number;
}

const rad = Math.PI / 180;
const scale = 0.9996;
const n = flattening / (2 - flattening);
const radius = (semiMajor / (1 + n)) * (1 + n ** 2 / 4 + n ** 4 / 64 + n ** 6 / 256);
const eccentricity = Math.sqrt(flattening * (2 - flattening));

const alpha = [
  n / 2 - (2 * n ** 2) / 3 + (5 * n ** 3) / 16 + (41 * n ** 4) / 180 - (127 * n ** 5) / 288 + (7891 * n ** 6) / 37800,
  (13 * n ** 2) / 48 - (3 * n ** 3) / 5 + (557 * n ** 4) / 1440 + (281 * n ** 5) / 630 - (1983433 * n ** 6) / 1935360,
  (61 * n ** 3) / 240 - (103 * n ** 4) / 140 + (15061 * n ** 5) / 26880 + (167603 * n ** 6) / 181440,
  (49561 * n ** 4) / 161280 - (179 * n ** 5) / 168 + (6601661 * n ** 6) / 7257600,
  (34729 * n ** 5) / 80640 - (3418889 * n ** 6) / 1995840,
  (212378941 * n ** 6) / 319334400,
];
const beta = [
  n / 2 - (2 * n ** 2) / 3 + (37 * n ** 3) / 96 - n ** 4 / 360 - (81 * n ** 5) / 512 + (96199 * n ** 6) / 604800,
  n ** 2 / 48 + n ** 3 / 15 - (437 * n ** 4) / 1440 + (46 * n ** 5) / 105 - (1118711 * n ** 6) / 3870720,
  (17 * n ** 3) / 480 - (37 * n ** 4) / 840 - (209 * n ** 5) / 4480 + (5569 * n ** 6) / 90720,
  (4397 * n ** 4) / 161280 - (11 * n ** 5) / 504 - (830251 * n ** 6) / 7257600,
  (4583 * n ** 5) / 161280 - (108847 * n ** 6) / 3991680,
  (20648693 * n ** 6) / 638668800,
];

/** The zone of a place, with the wider ones of Norway and Svalbard. */
export function zoneOf(place: Place): number {
  const lon = ((((place.lon + 180) % 360) + 360) % 360) - 180;
  const zone = Math.min(60, Math.floor((lon + 180) / 6) + 1);
  if (place.lat >= 56 && place.lat < 64 && lon >= 3 && lon < 12) return 32;
  if (place.lat >= 72 && place.lat <= 84 && lon >= 0 && lon < 42) return lon < 9 ? 31 : lon < 21 ? 33 : lon < 33 ? 35 : 37;
  return zone;
}

/** Projects into a zone, by default the one that the place lies in. */
export function toUtm(place: Place, zone = zoneOf(place)): Utm {
  const phi = place.lat * rad;
  const lambda = ((((place.lon - (zone * 6 - 183) + 180) % 360) + 360) % 360) * rad - Math.PI;
  const sin = Math.sin(phi);
  const t = Math.sinh(Math.atanh(sin) - eccentricity * Math.atanh(eccentricity * sin));
  const xi = Math.atan2(t, Math.cos(lambda));
  const eta = Math.asinh(Math.sin(lambda) / Math.hypot(t, Math.cos(lambda)));
  let [x, y] = [eta, xi];
  alpha.forEach((a, i) => {
    const j = 2 * (i + 1);
    x += a * Math.cos(j * xi) * Math.sinh(j * eta);
    y += a * Math.sin(j * xi) * Math.cosh(j * eta);
  });
  const northing = scale * radius * y;
  return { zone, north: place.lat >= 0, easting: 500_000 + scale * radius * x, northing: place.lat >= 0 ? northing : northing + 10_000_000 };
}

export function fromUtm(utm: Utm): Place {
  const eta0 = (utm.easting - 500_000) / (scale * radius);
  const xi0 = (utm.north ? utm.northing : utm.northing - 10_000_000) / (scale * radius);
  let [xi, eta] = [xi0, eta0];
  beta.forEach((b, i) => {
    const j = 2 * (i + 1);
    xi -= b * Math.sin(j * xi0) * Math.cosh(j * eta0);
    eta -= b * Math.cos(j * xi0) * Math.sinh(j * eta0);
  });
  const wanted = Math.sin(xi) / Math.hypot(Math.sinh(eta), Math.cos(xi));
  // Newton's way from the conformal latitude to the geographic one.
  let t = wanted;
  for (let i = 0; i < 6; i++) {
    const s = Math.sinh(eccentricity * Math.atanh((eccentricity * t) / Math.hypot(1, t)));
    const now = t * Math.hypot(1, s) - s * Math.hypot(1, t);
    const step = ((wanted - now) * (1 + (1 - eccentricity ** 2) * t * t)) / (Math.hypot(1, now) * (1 - eccentricity ** 2) * Math.hypot(1, t));
    t += step;
    if (Math.abs(step) < 1e-14) break;
  }
  const lon = Math.atan2(Math.sinh(eta), Math.cos(xi)) / rad + utm.zone * 6 - 183;
  return { lat: Math.atan(t) / rad, lon: ((((lon + 180) % 360) + 360) % 360) - 180 };
}

const bands = 'CDEFGHJKLMNPQRSTUVWX';
const columns = ['STUVWXYZ', 'ABCDEFGH', 'JKLMNPQR'];
const rows = ['FGHJKLMNPQRSTUVABCDE', 'ABCDEFGHJKLMNPQRSTUV'];

/**
 * The grid reference of a place: "33T UN 12345 67890". digits is how many for each direction, 0 to
 * 5; 5 is a metre. Empty near the poles, where the grid is another one.
 */
export function toMgrs(place: Place, digits = 5): string {
  if (!(place.lat >= -80 && place.lat <= 84) || !Number.isFinite(place.lon)) return '';
  const utm = toUtm(place);
  const band = bands[Math.min(19, Math.floor((place.lat + 80) / 8))]!;
  const unit = 10 ** (5 - digits);
  // A reference names the square that the place is in: cut off, not rounded. A millionth of a metre
  // keeps what was read from a reference in its own square.
  const [e, north] = [Math.floor((utm.easting + 1e-6) / unit) * unit, Math.floor((utm.northing + 1e-6) / unit) * unit];
  const head = `${utm.zone}${band} ${square(utm.zone, e, north)}`;
  if (digits === 0) return head;
  const part = (metres: number) => String(Math.floor((metres % 100_000) / unit)).padStart(digits, '0');
  return `${head} ${part(e)} ${part(north)}`;
}

/** The two letters of the 100 km square. */
export function square(zone: number, easting: number, northing: number): string {
  return `${columns[zone % 3]![Math.floor(easting / 100_000) - 1] ?? '?'}${rows[zone % 2]![Math.floor(northing / 100_000) % 20]!}`;
}

/** Reads a grid reference, with or without spaces; null when it is none. Gives the middle of the square. */
export function fromMgrs(text: string): Place | null {
  const match = /^(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])(\d{0,10})$/.exec(text.toUpperCase().replace(/[\s]+/g, ''));
  if (!match) return null;
  const [, zoneText, band, column, row, digits = ''] = match as unknown as [string, string, string, string, string, string];
  const zone = Number(zoneText);
  const col = columns[zone % 3]!.indexOf(column);
  if (zone < 1 || zone > 60 || col < 0 || digits.length % 2 === 1) return null;
  const half = digits.length / 2;
  const unit = 10 ** (5 - half);
  const easting = (col + 1) * 100_000 + Number(digits.slice(0, half) || 0) * unit + unit / 2;
  const inCycle = rows[zone % 2]!.indexOf(row) * 100_000 + Number(digits.slice(half) || 0) * unit + unit / 2;
  const south = -80 + bands.indexOf(band) * 8;
  const top = band === 'X' ? 84 : south + 8;
  const north = band >= 'N';
  // The row letters repeat every 2,000 km: the band says which repetition is meant.
  for (let cycle = 0; cycle < 6; cycle++) {
    const place = fromUtm({ zone, north, easting, northing: inCycle + cycle * 2_000_000 });
    // A square on the edge of the band has its middle a little outside.
    if (place.lat >= south - 1 && place.lat <= top + 1) return place;
  }
  return null;
}
