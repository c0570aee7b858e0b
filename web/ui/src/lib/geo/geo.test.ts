import { describe, expect, it } from 'vitest';
import { latLon, parsePlace } from './coordinates';
import { away, between, degrees, length } from './distance';
import { fromMgrs, fromUtm, toMgrs, toUtm, zoneOf } from './mgrs';
import { cone, ellipse } from './shapes';

describe('MGRS', () => {
  // The same as another implementation of the grid gives.
  it.each([
    ['Washington', 38.8977, -77.0365, '18S UJ 23394 07395'],
    ['the equator at Greenwich', 0, 0, '31N AA 66021 00000'],
    ['Honolulu', 21.309444, -157.916861, '4Q FJ 12340 56781'],
    ['Sydney', -33.856784, 151.215297, '56H LH 34900 52290'],
    ['Bergen, in the wide zone 32', 60.3913, 5.3221, '32V KN 97353 00648'],
    ['Longyearbyen, in the wide zone 33', 78.2232, 15.6267, '33X WG 14278 83355'],
    ['the far south', -79.9, -10, '29C MM 80423 29407'],
    ['the far north', 83.9, 120.5, '51X VP 70349 17573'],
  ])('names %s', (_, lat, lon, reference) => {
    expect(toMgrs({ lat, lon })).toBe(reference);
    expect(between({ lat, lon }, fromMgrs(reference)!).metres).toBeLessThan(1);
  });

  it('gives back what it was given, everywhere', () => {
    for (let lat = -79.41; lat < 84; lat += 3.7) {
      for (let lon = -179.5; lon < 180; lon += 7.31) {
        const reference = toMgrs({ lat, lon });
        const back = fromMgrs(reference);
        expect(back, reference).not.toBeNull();
        expect(between({ lat, lon }, back!).metres, reference).toBeLessThan(1);
        expect(toMgrs(back!)).toBe(reference);
      }
    }
  });

  it('projects without loss and knows a published point', () => {
    const utm = toUtm({ lat: 43.642567, lon: -79.38714 });
    expect(utm.zone).toBe(17);
    expect(utm.easting).toBeCloseTo(630084.3, 0);
    expect(utm.northing).toBeCloseTo(4833438.6, 0);
    const back = fromUtm(utm);
    expect(back.lat).toBeCloseTo(43.642567, 9);
    expect(back.lon).toBeCloseTo(-79.38714, 9);
  });

  it('cuts digits off and takes references of any precision', () => {
    const place = { lat: 47.2692, lon: 11.4041 };
    expect(toMgrs(place, 2)).toMatch(/^32T PT \d\d \d\d$/);
    expect(fromMgrs('32tpt8123')).not.toBeNull();
    expect(fromMgrs('32T PT 81 234')).toBeNull();
    expect(fromMgrs('61T PT 81 23')).toBeNull();
    expect(fromMgrs('32T IT 81 23')).toBeNull();
    expect(fromMgrs('nothing')).toBeNull();
  });

  it('says nothing where the grid is another one', () => {
    expect(toMgrs({ lat: 85, lon: 10 })).toBe('');
    expect(toMgrs({ lat: -81, lon: 10 })).toBe('');
  });

  it('counts zones around the date line', () => {
    expect(zoneOf({ lat: 0, lon: 180 })).toBe(1);
    expect(zoneOf({ lat: 0, lon: 179.9 })).toBe(60);
    expect(zoneOf({ lat: 0, lon: -180 })).toBe(1);
  });
});

describe('places as people write them', () => {
  it.each([
    ['47.2692, 11.4041', 47.2692, 11.4041],
    ['47.2692 11.4041', 47.2692, 11.4041],
    ['-33.8 151.2', -33.8, 151.2],
    ['33.8S 151.2E', -33.8, 151.2],
    ['47.5° N, 11.5° W', 47.5, -11.5],
    [`47°16'09"N 11°24'15"E`, 47.26917, 11.40417],
    ['47 16.15 N 11 24.25 E', 47.26917, 11.40417],
  ])('reads %s', (text, lat, lon) => {
    const place = parsePlace(text)!;
    expect(place.lat).toBeCloseTo(lat, 4);
    expect(place.lon).toBeCloseTo(lon, 4);
  });

  it.each(['', '12', '12 13', 'drone 2', '91.5, 10', '10.0, 181.0', '47 61.5 N 11 24.25 E'])('does not take “%s” for a place', (text) => {
    expect(parsePlace(text)).toBeNull();
  });

  it('writes them so that they can be read back', () => {
    expect(latLon({ lat: -33.8, lon: 151.2 })).toBe('33.80000° S 151.20000° E');
    expect(parsePlace(latLon({ lat: -33.8, lon: 151.2 }))).toEqual({ lat: -33.8, lon: 151.2 });
  });
});

describe('distances', () => {
  it('agrees with the published example of Vincenty', () => {
    const a = { lat: -37.95103341666667, lon: 144.42486788888888 };
    const b = { lat: -37.65282113888889, lon: 143.92649552777777 };
    const { metres, bearing } = between(a, b);
    expect(metres).toBeCloseTo(54972.271, 1);
    expect(bearing).toBeCloseTo(306.86816, 3);
  });

  it('still answers near the antipode', () => {
    expect(between({ lat: 0, lon: 0 }, { lat: 0.5, lon: 179.7 }).metres).toBeGreaterThan(19_900_000);
  });

  it('comes back from where it goes', () => {
    const to = away({ lat: 47, lon: 179.99 }, 5000, 90);
    expect(to.lon).toBeLessThan(-179);
    expect(between({ lat: 47, lon: 179.99 }, to).metres).toBeCloseTo(5000, -2);
  });

  it('is said in few words', () => {
    expect([length(640.4), length(3214), length(54_972), length(812_345)]).toEqual(['640 m', '3.21 km', '55.0 km', '812 km']);
    expect([degrees(4.2), degrees(359.7)]).toEqual(['004°', '000°']);
  });
});

describe('outlines', () => {
  it('a cone starts at the sensor and reaches its range', () => {
    const outline = cone({ lat: 47, lon: 11 }, 90, 40, 1000);
    expect(outline[0]).toEqual([47, 11]);
    for (const [lat, lon] of outline.slice(1)) expect(between({ lat: 47, lon: 11 }, { lat, lon }).metres).toBeCloseTo(1000, -1);
  });

  it('the major axis of an ellipse points where it should', () => {
    const [lat, lon] = ellipse({ lat: 47, lon: 11 }, 2000, 500, 45)[0]!;
    const { metres, bearing } = between({ lat: 47, lon: 11 }, { lat, lon });
    expect(metres).toBeCloseTo(2000, -1);
    expect(bearing).toBeCloseTo(45, 0);
  });
});
