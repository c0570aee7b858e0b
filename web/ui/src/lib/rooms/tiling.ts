/** How many columns of tiles use the space best. */

export interface Tiling {
  columns: number;
  /** Of each tile (CSS pixels). */
  width: number;
  height: number;
}

/** The grid of n tiles of 16:9 (up to 4:3 where that fills more) with the largest tiles. */
export function tiling(n: number, width: number, height: number, gap: number): Tiling {
  let best: Tiling = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const w = (width - gap * (columns - 1)) / columns;
    const h = (height - gap * (rows - 1)) / rows;
    if (w <= 0 || h <= 0) continue;
    const fit = w / h > 16 / 9 ? { width: (h * 16) / 9, height: h } : { width: w, height: Math.min(h, (w * 3) / 4) };
    if (fit.width * fit.height > best.width * best.height) best = { columns, width: Math.floor(fit.width), height: Math.floor(fit.height) };
  }
  return best;
}

export interface Strip {
  /** The small tiles stand beside the large one, not below it. */
  beside: boolean;
  /** How many small tiles there is room for. */
  most: number;
  /** Of a small tile, and of the large one (CSS pixels). */
  width: number;
  height: number;
  leadWidth: number;
  leadHeight: number;
}

/** One large picture and n small ones in a row beside or below it. */
export function strip(n: number, width: number, height: number, gap: number): Strip {
  if (n === 0) return { beside: false, most: 0, width: 0, height: 0, leadWidth: width, leadHeight: height };
  const beside = width > height * 1.45;
  const w = Math.floor(beside ? Math.min(240, Math.max(120, width * 0.18)) : Math.min(240, Math.max(112, width / 3.2)));
  const h = Math.floor((w * 9) / 16);
  const most = Math.max(1, Math.floor(beside ? (height + gap) / (h + gap) : (width + gap) / (w + gap)));
  return {
    beside,
    most,
    width: w,
    height: h,
    leadWidth: Math.max(0, beside ? width - w - gap : width),
    leadHeight: Math.max(0, beside ? height : height - h - gap),
  };
}

/** The name in addresses that a title suggests. */
export function nameOf(title: string): string {
  return title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
    .slice(0, 60);
}
