/**
 * What lies below the situation: the built-in map of coasts and borders, which needs no network, and
 * the layers that the server offers. Everything comes from this server; nothing is asked elsewhere.
 */
import type { FeatureCollection } from 'geojson';
import type { LayerSpecification, SourceSpecification, StyleSpecification } from 'maplibre-gl';
import { PMTiles, TileType } from 'pmtiles';
import { feature, mesh } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import atlasUrl from 'world-atlas/countries-50m.json?url';
import type { MapLayer } from '$lib/api/situation';

export interface Colours {
  water: string;
  land: string;
  coast: string;
  border: string;
  /** For tiles that hold lines and areas. */
  green: string;
  building: string;
  road: string;
  text: string;
  halo: string;
}

export interface World {
  land: FeatureCollection;
  borders: FeatureCollection;
}

let loading: Promise<World> | null = null;

/** Coasts and borders, loaded once. */
export function world(): Promise<World> {
  loading ??= load();
  loading.catch(() => (loading = null));
  return loading;
}

async function load(): Promise<World> {
  const response = await fetch(atlasUrl);
  if (!response.ok) throw new Error(String(response.status));
  const topology = (await response.json()) as Topology<{ land: GeometryCollection; countries: GeometryCollection }>;
  const borders = mesh(topology, topology.objects.countries, (a, b) => a !== b);
  return {
    land: feature(topology, topology.objects.land) as FeatureCollection,
    borders: { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: borders }] },
  };
}

/** The whole style; layers are drawn in the order given, each above the one before. */
export async function styleOf(known: World | null, layers: MapLayer[], c: Colours): Promise<StyleSpecification> {
  const sources: Record<string, SourceSpecification> = {};
  const list: LayerSpecification[] = [{ id: 'water', type: 'background', paint: { 'background-color': c.water } }];
  if (known) {
    sources.land = { type: 'geojson', data: known.land, tolerance: 0.2 };
    sources.borders = { type: 'geojson', data: known.borders, tolerance: 0.2 };
    list.push(
      { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': c.land, 'fill-antialias': false } },
      { id: 'borders', type: 'line', source: 'borders', paint: { 'line-color': c.border, 'line-width': 1, 'line-dasharray': [4, 2] } },
      { id: 'coast', type: 'line', source: 'land', paint: { 'line-color': c.coast, 'line-width': 1 } },
    );
  }
  for (const layer of layers) {
    const added = layer.kind === 'raster' ? raster(layer) : await archive(layer, c);
    Object.assign(sources, added.sources);
    list.push(...added.layers);
  }
  return { version: 8, sources, layers: list };
}

interface Added {
  sources: Record<string, SourceSpecification>;
  layers: LayerSpecification[];
}

const absolute = (url: string) => new URL(url, location.origin).href.replaceAll('%7B', '{').replaceAll('%7D', '}');

function raster(layer: MapLayer): Added {
  const id = `tiles-${layer.id}`;
  return {
    sources: { [id]: { type: 'raster', tiles: [absolute(layer.url)], tileSize: 256, minzoom: layer.minZoom, maxzoom: layer.maxZoom } },
    layers: [{ id, type: 'raster', source: id, paint: { 'raster-fade-duration': 0 } }],
  };
}

/** A PMTiles file holds pictures, or lines and areas; its head says which. */
async function archive(layer: MapLayer, c: Colours): Promise<Added> {
  const id = `tiles-${layer.id}`;
  const url = absolute(layer.url);
  const file = new PMTiles(url);
  const head = await file.getHeader();
  if (head.tileType !== TileType.Mvt) {
    return {
      sources: { [id]: { type: 'raster', url: `pmtiles://${url}`, tileSize: 256 } },
      layers: [{ id, type: 'raster', source: id, paint: { 'raster-fade-duration': 0 } }],
    };
  }
  const meta = (await file.getMetadata()) as { vector_layers?: { id: string }[] };
  const names = (meta.vector_layers ?? []).map((l) => l.id);
  return { sources: { [id]: { type: 'vector', url: `pmtiles://${url}` } }, layers: vectorLayers(id, names, c) };
}

/** How layers are drawn, by the names that the common schemas give them (OpenMapTiles, Protomaps, Shortbread). */
const looks: [RegExp, 'area' | 'line' | 'name', (c: Colours) => string, number][] = [
  [/^(earth|land)$/, 'area', (c) => c.land, 0],
  [/^(landcover|landuse|park|natural|land_use|sites)$/, 'area', (c) => c.green, 0],
  [/^(water|ocean|water_polygons)$/, 'area', (c) => c.water, 0],
  [/^(waterway|water_lines|physical_line)$/, 'line', (c) => c.coast, 1],
  [/^(buildings?)$/, 'area', (c) => c.building, 0],
  [/^(roads|transportation|streets|transit|aeroway)$/, 'line', (c) => c.road, 1.25],
  [/^(boundaries|boundary)$/, 'line', (c) => c.border, 1],
  [/^(places?|place_labels|pois?|physical_point|mountain_peak)$/, 'name', (c) => c.text, 0],
];

function vectorLayers(source: string, names: string[], c: Colours): LayerSpecification[] {
  const list: LayerSpecification[] = [];
  for (const [pattern, form, colour, width] of looks) {
    for (const name of names.filter((n) => pattern.test(n))) {
      const common = { id: `${source}-${name}`, source, 'source-layer': name };
      if (form === 'area') list.push({ ...common, type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': colour(c) } });
      else if (form === 'line') {
        const widths = ['interpolate', ['exponential', 1.4], ['zoom'], 8, width * 0.5, 12, width, 18, width * 6] as never;
        list.push({ ...common, type: 'line', layout: { 'line-join': 'round', 'line-cap': 'round' }, paint: { 'line-color': colour(c), 'line-width': widths } });
      } else {
        list.push({
          ...common,
          type: 'symbol',
          // Glyphs are made in the browser: there is no server of fonts.
          layout: { 'text-field': ['coalesce', ['get', 'name:en'], ['get', 'name']], 'text-size': 12, 'text-font': ['Plex'] },
          paint: { 'text-color': colour(c), 'text-halo-color': c.halo, 'text-halo-width': 1.5 },
        });
      }
    }
  }
  return list;
}
