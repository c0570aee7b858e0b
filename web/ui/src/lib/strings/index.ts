/** Where every word on the screen comes from. A translation is another object of type Catalogue. */
import { en } from './en';

export type Catalogue = typeof en;

export const t: Catalogue = en;
