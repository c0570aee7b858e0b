/** The colours of the map in the dark and in the light. */
import type { Colours } from './base';
import type { Look } from './painter';

export const darkGround: Colours = {
  ...{ water: '#0b1115', land: '#1a2026', coast: '#46525d', border: '#3a444d' },
  ...{ green: '#1b2722', building: '#262e36', road: '#46525d', text: '#b3bcc5', halo: '#0f1317' },
};

export const lightGround: Colours = {
  ...{ water: '#c9d9e3', land: '#f3f2ee', coast: '#8293a0', border: '#a9a59c' },
  ...{ green: '#dfe8d8', building: '#dedad2', road: '#c2bdb2', text: '#39444e', halo: '#ffffff' },
};

export const darkLook: Look = {
  dark: true,
  grid: { line: 'rgb(163 180 255 / 0.16)', label: '#9aa6b2', halo: 'rgb(11 17 21 / 0.85)' },
  ...{ text: '#f2f5f7', halo: 'rgb(11 14 17 / 0.9)', accent: '#a3b4ff', danger: '#ff3b30', live: '#4cd38a' },
};

export const lightLook: Look = {
  dark: false,
  grid: { line: 'rgb(47 67 184 / 0.18)', label: '#44505b', halo: 'rgb(255 255 255 / 0.85)' },
  ...{ text: '#0e1318', halo: 'rgb(255 255 255 / 0.92)', accent: '#2f43b8', danger: '#c81e14', live: '#0b6b38' },
};
