import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Packages whose code or fonts end up in the build, and so whose licences must travel with it. */
const shipped = [
  ...['svelte', 'hls.js', 'uqr', '@fontsource-variable/ibm-plex-sans', 'maplibre-gl', 'pmtiles', 'fflate', 'milsymbol'],
  ...['topojson-client', 'world-atlas'],
  // What MapLibre is made of.
  ...['@mapbox/point-geometry', '@mapbox/tiny-sdf', '@mapbox/unitbezier', '@mapbox/vector-tile', '@maplibre/geojson-vt', '@maplibre/mlt'],
  ...['@maplibre/maplibre-gl-style-spec', '@maplibre/vt-pbf', 'bidi-js', 'earcut', 'gl-matrix', 'kdbush', 'murmurhash-js', 'pbf', 'potpack'],
  ...['quickselect', 'tinyqueue'],
];

/** Writes licenses.txt beside the build: the texts of everything in it that others wrote. */
function licences(): Plugin {
  const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
  const licenceOf = (name: string): string => {
    for (const file of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license']) {
      try {
        return read(`node_modules/${name}/${file}`);
      } catch {
        continue;
      }
    }
    // Packages that come without the text; it is the one of their repositories.
    try {
      return read(`licences/${name}.txt`);
    } catch {
      // Told below.
    }
    throw new Error(`no licence text found for ${name}`);
  };
  return {
    name: 'licences',
    apply: 'build',
    generateBundle() {
      const texts = shipped.map((name) => {
        const { version } = JSON.parse(read(`node_modules/${name}/package.json`)) as { version: string };
        return `${name} ${version}\n\n${licenceOf(name).replaceAll('\r\n', '\n').trim()}\n`;
      });
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: texts.join(`\n${'-'.repeat(72)}\n\n`) });
    },
  };
}

// The Go server the development server forwards to, and the mock that stands in for it.
const backend = process.env.MUSTER_BACKEND ?? 'http://127.0.0.1:9096';

export default defineConfig({
  plugins: [svelte(), licences()],
  resolve: {
    alias: {
      $lib: fileURLToPath(new URL('./src/lib', import.meta.url)),
      // The parts of the library one by one, so that unused symbol sets stay out of the build.
      'milsymbol/core': fileURLToPath(new URL('./node_modules/milsymbol/index.mjs', import.meta.url)),
    },
    conditions: process.env.VITEST ? ['browser'] : undefined,
  },
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy forbids data: fonts and inline anything.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 1200,
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/hls', '/rtc', '/notify'].map((path) => [path, { target: backend, ws: true, changeOrigin: false, secure: false }]),
    ),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
