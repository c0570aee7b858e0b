/** Figures of the situation in words. */
import type { Item } from '$lib/api/situation';
import { between, degrees, length } from '$lib/geo/distance';
import { decimal, figure } from '$lib/locale';
import { t } from '$lib/strings';
import { affiliationOf, describe } from './sidc';

/** "friendly, drone". */
export const typeWords = (type: string) => describe(type, t);

/** What a thing is in one line: team and role for people, the type for the rest. */
export function subtitle(item: Pick<Item, 'type' | 'team' | 'role'>): string {
  const who = [item.team, item.role].filter(Boolean).join(', ');
  return who && affiliationOf(item.type) === 'friend' ? who : typeWords(item.type);
}

/** "5.0 km/h, 042°"; '' when it stands. */
export function movement(item: Pick<Item, 'speed' | 'course'>): string {
  if (!item.speed || item.speed < 0.3) return '';
  const kmh = item.speed * 3.6;
  const course = item.course === undefined ? '' : `, ${degrees(item.course)}`;
  return figure(`${kmh < 10 ? decimal(kmh, 1) : Math.round(kmh)} km/h${course}`);
}

/** Milliseconds as an age: "40 s", "12 min", "3 h", "5 d". */
export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return figure(`${s} s`);
  if (s < 5400) return figure(`${Math.round(s / 60)} min`);
  if (s < 129_600) return figure(`${Math.round(s / 3600)} h`);
  return figure(`${Math.round(s / 86_400)} d`);
}

/** How large a drawing is, in words; '' when it is a point. */
export function extent(item: Item): string {
  if (item.rangeBearing) return t.thing.rangeBearing(length(item.rangeBearing.range), degrees(item.rangeBearing.bearing));
  if (item.ellipse) {
    const { major, minor } = item.ellipse;
    return Math.abs(major - minor) < 1 ? t.thing.radius(length(major)) : t.thing.axes(length(2 * major), length(2 * minor));
  }
  if (!item.points || item.points.length < 2) return '';
  if (item.closed) return t.thing.points(item.points.length);
  let metres = 0;
  for (let i = 1; i < item.points.length; i++) {
    const [a, b] = [item.points[i - 1]!, item.points[i]!];
    metres += between({ lat: a[0], lon: a[1] }, { lat: b[0], lon: b[1] }).metres;
  }
  return t.thing.long(length(metres));
}
