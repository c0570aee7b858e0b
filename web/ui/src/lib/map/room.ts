/** Which parts of the screen are taken, so that no label lies on another. */

/** CSS pixels along the edge of a cell. */
const cell = 6;

export class Room {
  #columns = 0;
  #rows = 0;
  #taken = new Uint8Array(0);

  /** Begins anew for a screen of that size. */
  reset(width: number, height: number): void {
    this.#columns = Math.ceil(width / cell);
    this.#rows = Math.ceil(height / cell);
    const cells = this.#columns * this.#rows;
    if (this.#taken.length < cells) this.#taken = new Uint8Array(cells);
    else this.#taken.fill(0);
  }

  /** Whether nothing was put into the rectangle; what lies outside of the screen is not free. */
  isFree(x: number, y: number, width: number, height: number): boolean {
    const left = Math.floor(x / cell);
    const right = Math.floor((x + width) / cell);
    const top = Math.floor(y / cell);
    const bottom = Math.floor((y + height) / cell);
    if (left < 0 || top < 0 || right >= this.#columns || bottom >= this.#rows) return false;
    for (let r = top; r <= bottom; r++) {
      const row = r * this.#columns;
      for (let c = left; c <= right; c++) if (this.#taken[row + c]) return false;
    }
    return true;
  }

  /** Takes the rectangle when it is free, or in any case with force. False when it was not free. */
  take(x: number, y: number, width: number, height: number, force = false): boolean {
    const left = Math.max(0, Math.floor(x / cell));
    const right = Math.min(this.#columns - 1, Math.floor((x + width) / cell));
    const top = Math.max(0, Math.floor(y / cell));
    const bottom = Math.min(this.#rows - 1, Math.floor((y + height) / cell));
    if (left > right || top > bottom) return force;
    if (!force && !this.isFree(left * cell, top * cell, (right - left) * cell, (bottom - top) * cell)) return false;
    for (let r = top; r <= bottom; r++) this.#taken.fill(1, r * this.#columns + left, r * this.#columns + right + 1);
    return true;
  }
}
