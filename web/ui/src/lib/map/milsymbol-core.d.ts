/** The parts of milsymbol that are used: without the symbol sets of other standards it is half as large. */
declare module 'milsymbol/core' {
  import type { SymbolOptions } from 'milsymbol';

  interface Drawn {
    asCanvas(): HTMLCanvasElement;
    getSize(): { width: number; height: number };
    getAnchor(): { x: number; y: number };
  }
  export const ms: {
    addIcons(icons: unknown): void;
    Path2D: unknown;
    Symbol: new (sidc: string, options?: SymbolOptions) => Drawn;
  };
  export const std2525c: unknown;
  export const path2d: unknown;
}
