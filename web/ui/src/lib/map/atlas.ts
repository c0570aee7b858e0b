/** Small pictures side by side, so that thousands are drawn from a single texture. */

export interface Sprite {
  /** Where it lies on the atlas (device pixels). */
  sx: number;
  sy: number;
  sw: number;
  sh: number;
  /** Size on the screen and the point that stands on the place (CSS pixels). */
  width: number;
  height: number;
  anchorX: number;
  anchorY: number;
}

export interface Drawing {
  /** CSS pixels. */
  width: number;
  height: number;
  anchorX: number;
  anchorY: number;
  /** Draws with the origin at the upper left corner, in CSS pixels. */
  draw: (ctx: CanvasRenderingContext2D) => void;
}

/** Device pixels along an edge. */
export const edge = 2048;

/** Device pixels between two pictures, so that none bleeds into its neighbour. */
const gap = 2;

export class Atlas {
  #board = document.createElement('canvas');
  #ctx: CanvasRenderingContext2D;
  #sprites = new Map<string, Sprite>();
  #scale: number;
  #put: (x: number, y: number, pixels: ImageData) => void;
  #x = 0;
  #y = 0;
  #row = 0;

  /** scale: device pixels of a CSS pixel; put takes each new picture to its place. */
  constructor(scale: number, put: (x: number, y: number, pixels: ImageData) => void) {
    this.#scale = scale;
    this.#put = put;
    this.#board.width = this.#board.height = 512;
    this.#ctx = this.#board.getContext('2d', { willReadFrequently: true })!;
  }

  /** The picture of that key, made on the first call. A full atlas begins anew; what is on the screen comes back. */
  get(key: string, make: () => Drawing): Sprite {
    const known = this.#sprites.get(key);
    if (known) return known;
    const d = make();
    const sw = Math.min(this.#board.width, Math.ceil(d.width * this.#scale));
    const sh = Math.min(this.#board.height, Math.ceil(d.height * this.#scale));
    if (this.#x + sw > edge) {
      this.#x = 0;
      this.#y += this.#row + gap;
      this.#row = 0;
    }
    if (this.#y + sh > edge) this.clear();
    this.#ctx.setTransform(1, 0, 0, 1, 0, 0);
    this.#ctx.clearRect(0, 0, sw, sh);
    this.#ctx.scale(this.#scale, this.#scale);
    d.draw(this.#ctx);
    this.#put(this.#x, this.#y, this.#ctx.getImageData(0, 0, sw, sh));
    const sprite = { sx: this.#x, sy: this.#y, sw, sh, width: sw / this.#scale, height: sh / this.#scale, anchorX: d.anchorX, anchorY: d.anchorY };
    this.#sprites.set(key, sprite);
    this.#x += sw + gap;
    this.#row = Math.max(this.#row, sh);
    return sprite;
  }

  clear(): void {
    this.#sprites.clear();
    this.#x = this.#y = this.#row = 0;
  }
}
