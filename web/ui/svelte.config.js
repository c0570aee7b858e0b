import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    // Class names depend on the style alone, never on where the sources lie:
    // the same sources give the same bytes everywhere.
    cssHash: ({ hash, css }) => `s-${hash(css)}`,
  },
};
