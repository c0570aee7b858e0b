import type { Place } from '$lib/geo/distance';
import type { Layers } from '$lib/map/painter';
import type { Kind } from '$lib/tak/sidc';
import { recall, remember } from './prefs';

export type Tool = 'none' | 'measure' | 'mark';

const everything: Layers = { grid: true, labels: true, trails: true, vectors: true, sensors: true, drawings: true, stale: true };

/** The lists beside the map. */
export type MapTab = 'people' | 'things' | 'rooms';

/** How the map is looked at, remembered on this device. */
class MapState {
  layers = $state<Layers>({ ...everything, ...recall<Partial<Layers>>('map.layers', {}) });
  /** Ids of the server's layers that are on; null until somebody chose. */
  base = $state<string[] | null>(recall<string[] | null>('map.base', null));
  /** Whether the list of people and things is open. */
  list = $state(recall('map.list', typeof innerWidth === 'undefined' || innerWidth >= 1100));
  tab = $state<MapTab>(recall<MapTab>('map.tab', 'people'));
  filter = $state('');
  /** Kinds of things that are hidden. */
  hidden = $state<Kind[]>(recall<Kind[]>('map.hidden', []));
  tool = $state<Tool>('none');
  measure = $state.raw<Place[]>([]);
  /** Where a marker is about to be put; its form is open. */
  marking = $state.raw<Place | null>(null);
  /** Uid that the map moves with, or ''. */
  follow = $state('');
  /** The way of a thing, as it was asked for: uid and [lat, lon] places. */
  track = $state.raw<{ uid: string; points: [number, number][] } | null>(null);
  where = recall<{ centre: Place; zoom: number } | null>('map.where', null);

  flip(layer: keyof Layers): void {
    this.layers = { ...this.layers, [layer]: !this.layers[layer] };
    remember('map.layers', this.layers);
  }

  flipBase(id: string, all: string[]): void {
    const on = this.base ?? all.slice(0, 1);
    this.base = on.includes(id) ? on.filter((b) => b !== id) : all.filter((b) => b === id || on.includes(b));
    remember('map.base', this.base);
  }

  showList(open: boolean): void {
    this.list = open;
    remember('map.list', open);
  }

  setTab(tab: MapTab): void {
    this.tab = tab;
    remember('map.tab', tab);
  }

  take(tool: Tool): void {
    this.tool = this.tool === tool ? 'none' : tool;
    this.measure = [];
  }

  keepPlace(centre: Place, zoom: number): void {
    this.where = { centre, zoom };
    remember('map.where', this.where);
  }
}

export const mapState = new MapState();
