/** Ground for the mock's map: a made-up relief as PNG tiles and as a PMTiles file. */
import { deflateSync } from 'node:zlib';

/** Pixels along an edge; the map draws a tile twice as large. */
const size = 128;

const crcTable = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc(bytes) {
  let c = 0xffffffff;
  for (const b of bytes) c = crcTable[(c ^ b) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), 8 + data.length);
  return out;
}

function hash(x, y) {
  let h = (Math.imul(x, 374761393) + Math.imul(y, 668265263)) | 0;
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

function noise(x, y) {
  const [ix, iy] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - ix, y - iy];
  const [sx, sy] = [fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)];
  const top = hash(ix, iy) * (1 - sx) + hash(ix + 1, iy) * sx;
  const low = hash(ix, iy + 1) * (1 - sx) + hash(ix + 1, iy + 1) * sx;
  return top * (1 - sy) + low * sy;
}

/** Height from 0 to 1 at a place in Web Mercator (0 to 1); finer where one looks closer. */
function height(x, y, octaves) {
  let [sum, weight, frequency, all] = [0, 1, 2500, 0];
  for (let i = 0; i < octaves; i++) {
    sum += weight * noise(x * frequency + i * 17.3, y * frequency - i * 9.1);
    all += weight;
    weight *= 0.48;
    frequency *= 2.03;
  }
  return sum / all;
}

const cache = new Map();

/** One tile as PNG. */
export function tile(z, x, y) {
  const key = `${z}/${x}/${y}`;
  if (cache.has(key)) return cache.get(key);
  const world = 2 ** z;
  const octaves = Math.max(1, Math.min(7, z - 8));
  const rows = Buffer.alloc((size * 3 + 1) * size);
  const step = 1 / world / size;
  const heights = new Float64Array((size + 1) * (size + 1));
  for (let j = 0; j <= size; j++) for (let i = 0; i <= size; i++) heights[j * (size + 1) + i] = height(x / world + i * step, y / world + j * step, octaves);
  for (let j = 0; j < size; j++) {
    for (let i = 0; i < size; i++) {
      const h = heights[j * (size + 1) + i];
      const dx = heights[j * (size + 1) + i + 1] - h;
      const dy = heights[(j + 1) * (size + 1) + i] - h;
      const light = Math.max(-1, Math.min(1, (-dx - dy) * 10 * 2 ** Math.max(0, (z - 9) * 0.8)));
      const [r, g, b] = h < 0.36 ? [34, 52, 66] : h < 0.52 ? [46, 58, 48] : h < 0.66 ? [60, 66, 54] : [84, 86, 84];
      const at = j * (size * 3 + 1) + 1 + i * 3;
      const shade = h < 0.36 ? 1 : 1 + light * 0.4;
      rows[at] = Math.min(255, r * shade);
      rows[at + 1] = Math.min(255, g * shade);
      rows[at + 2] = Math.min(255, b * shade);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows, { level: 1 })), chunk('IEND', Buffer.alloc(0))]);
  if (cache.size > 2000) cache.clear();
  cache.set(key, png);
  return png;
}

function varint(n) {
  const out = [];
  while (n > 127) {
    out.push((n & 127) | 128);
    n = Math.floor(n / 128);
  }
  out.push(n);
  return out;
}

/** A PMTiles file (version 3) of the whole world in one tile and its four quarters. */
export function archive() {
  // Tile ids run along the Hilbert curve: zoom 0 is 0, zoom 1 is 1 to 4.
  const tiles = [tile(0, 0, 0), tile(1, 0, 0), tile(1, 0, 1), tile(1, 1, 1), tile(1, 1, 0)];
  let offset = 0;
  const offsets = tiles.map((t) => {
    const at = offset;
    offset += t.length;
    return at;
  });
  const directory = Buffer.from([
    ...varint(tiles.length),
    ...tiles.flatMap((_, i) => varint(i === 0 ? 0 : 1)),
    ...tiles.flatMap(() => varint(1)),
    ...tiles.flatMap((t) => varint(t.length)),
    ...offsets.flatMap((o, i) => varint(i === 0 ? o + 1 : 0)),
  ]);
  const meta = Buffer.from('{}');
  const head = Buffer.alloc(127);
  head.write('PMTiles', 0);
  head[7] = 3;
  const u64 = (n, at) => head.writeBigUInt64LE(BigInt(n), at);
  u64(127, 8);
  u64(directory.length, 16);
  u64(127 + directory.length, 24);
  u64(meta.length, 32);
  u64(127 + directory.length + meta.length, 40);
  u64(0, 48);
  u64(127 + directory.length + meta.length, 56);
  u64(offset, 64);
  for (const at of [72, 80, 88]) u64(tiles.length, at);
  // Clustered, nothing compressed, tiles are PNG, zoom 0 to 1, the whole world.
  head.set([1, 1, 1, 2, 0, 1], 96);
  head.writeInt32LE(-180e7, 102);
  head.writeInt32LE(-85e7, 106);
  head.writeInt32LE(180e7, 110);
  head.writeInt32LE(85e7, 114);
  return Buffer.concat([head, directory, meta, ...tiles]);
}
