/** The map itself: MapLibre below, the painted situation above, both moved in the same frame. */
import { addProtocol, Map as GlMap, setWorkerUrl, type MapMouseEvent, type StyleSpecification } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { Protocol } from 'pmtiles';
import type { Place } from '$lib/geo/distance';
import { allowOwnScripts } from './trusted';
import { viewOf, type View } from './view';

export interface StageOptions {
  host: HTMLElement;
  /** Canvases above the map that are painted with it; the first is the one that paint is given. */
  overlays: HTMLCanvasElement[];
  centre: Place;
  zoom: number;
  /** The name of the map, for those who cannot see it. */
  label: string;
  /** CSS pixels of one pixel of what is painted: more than one on a wall screen, where all is larger. */
  unit: number;
  /** Draws the situation for this view, whose pixels are units; so are those of the functions below. */
  paint: (ctx: CanvasRenderingContext2D, view: View) => void;
  /** Pressed at a point of the screen, by a finger or not. */
  onTap: (x: number, y: number, touch: boolean) => void;
  /** Held or right-clicked. */
  onHold: (x: number, y: number) => void;
  /** null when the pointer left. */
  onPoint: (at: { x: number; y: number } | null) => void;
  /** A person moved the map, not the program. */
  onGrab: () => void;
  /** The movement ended. */
  onSettled: (centre: Place, zoom: number) => void;
}

/** A finger that rests so long means more than a tap (ms). */
const hold = 550;

let prepared = false;

function prepare(): void {
  if (prepared) return;
  prepared = true;
  allowOwnScripts();
  setWorkerUrl(workerUrl);
  const protocol = new Protocol();
  addProtocol('pmtiles', protocol.tile);
}

export class Stage {
  #map: GlMap;
  #o: StageOptions;
  #ctx: CanvasRenderingContext2D;
  #ratio: number;
  #frame = 0;
  /** CSS pixels; asking the page for them with every frame would make it lay itself out. */
  #width = 0;
  #height = 0;
  #holding: ReturnType<typeof setTimeout> | undefined;
  #held = false;

  constructor(o: StageOptions) {
    prepare();
    this.#o = o;
    this.#ratio = Math.min(3, Math.max(1, devicePixelRatio)) * o.unit;
    this.#ctx = o.overlays[0]!.getContext('2d')!;
    this.#map = new GlMap({
      container: o.host,
      style: { version: 8, sources: {}, layers: [] },
      center: [o.centre.lon, o.centre.lat],
      zoom: o.zoom,
      minZoom: 0.5,
      maxZoom: 19,
      // North is up and nothing is tilted: what is drawn above relies on it.
      ...{ maxPitch: 0, pitchWithRotate: false, dragRotate: false, rollEnabled: false, touchPitch: false, attributionControl: false },
      fadeDuration: 0,
      renderWorldCopies: true,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    const canvas = this.#map.getCanvas();
    canvas.setAttribute('aria-label', o.label);
    this.#map.on('render', () => this.#paint());
    this.#map.on('resize', () => this.#resize());
    this.#map.on('moveend', () => this.#o.onSettled(this.centre, this.#map.getZoom()));
    for (const kind of ['dragstart', 'wheel'] as const) this.#map.on(kind, () => this.#o.onGrab());
    this.#listen();
    this.#resize();
  }

  get centre(): Place {
    const c = this.#map.getCenter().wrap();
    return { lat: c.lat, lon: c.lng };
  }

  get view(): View {
    const { unit } = this.#o;
    return viewOf(this.centre, this.#map.getZoom() - Math.log2(unit), this.#width / unit, this.#height / unit);
  }

  /** Device pixels of a pixel of what is painted. */
  get ratio(): number {
    return this.#ratio;
  }

  setStyle(style: StyleSpecification): void {
    // Only a style that is complete can be compared with the next one.
    this.#map.setStyle(style, { diff: this.#map.isStyleLoaded() === true });
  }

  setCursor(cursor: string): void {
    this.#map.getCanvas().style.cursor = cursor;
  }

  /** Paints with the next frame; several calls are one. */
  repaint(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  /** Brings a place to the middle of what panels leave free. */
  goTo(place: Place, zoom: number | null, padding: { left?: number; right?: number; bottom?: number } = {}): void {
    const quick = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const { left = 0, right = 0, bottom = 0 } = padding;
    this.#map.easeTo({
      center: [place.lon, place.lat],
      ...(zoom === null ? {} : { zoom: Math.max(zoom, this.#map.getZoom()) }),
      offset: [(left - right) / 2, -bottom / 2],
      duration: quick ? 0 : 150,
    });
  }

  zoomBy(steps: number): void {
    this.#map.easeTo({ zoom: this.#map.getZoom() + steps, duration: 150 });
  }

  /** Shows all of a box: west, south, east, north. */
  fit(box: [number, number, number, number]): void {
    this.#map.fitBounds(box, { padding: 80, maxZoom: 14, duration: 0 });
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#holding);
    this.#map.remove();
  }

  #listen(): void {
    const map = this.#map;
    map.on('click', (e: MapMouseEvent) => {
      clearTimeout(this.#holding);
      if (this.#held) return;
      const touch = (e.originalEvent as PointerEvent).pointerType === 'touch' || matchMedia('(hover: none)').matches;
      this.#o.onTap(e.point.x / this.#o.unit, e.point.y / this.#o.unit, touch);
    });
    map.on('contextmenu', (e: MapMouseEvent) => {
      e.preventDefault();
      this.#o.onHold(e.point.x / this.#o.unit, e.point.y / this.#o.unit);
    });
    map.on('mousemove', (e: MapMouseEvent) => this.#o.onPoint({ x: e.point.x / this.#o.unit, y: e.point.y / this.#o.unit }));
    map.on('mouseout', () => this.#o.onPoint(null));
    map.on('touchstart', (e) => {
      clearTimeout(this.#holding);
      this.#held = false;
      if (e.points.length !== 1) return;
      const { x, y } = e.points[0]!;
      this.#holding = setTimeout(() => {
        this.#held = true;
        this.#o.onHold(x / this.#o.unit, y / this.#o.unit);
      }, hold);
    });
    for (const kind of ['touchend', 'touchcancel', 'dragstart', 'zoomstart'] as const) map.on(kind, () => clearTimeout(this.#holding));
  }

  #resize(): void {
    this.#width = this.#o.host.clientWidth;
    this.#height = this.#o.host.clientHeight;
    for (const canvas of this.#o.overlays) {
      canvas.width = Math.round((this.#width / this.#o.unit) * this.#ratio);
      canvas.height = Math.round((this.#height / this.#o.unit) * this.#ratio);
    }
    this.#paint();
  }

  #paint(): void {
    if (this.#width > 0) this.#o.paint(this.#ctx, this.view);
  }
}
