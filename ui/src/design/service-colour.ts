/**
 * Colours of services: 12 hues of equal lightness and chroma in OKLCH. A name always has the same hue, in every page and
 * session. Beyond a handful of services two may share a hue, so colour is never the only sign.
 */
import { theme } from './theme.ts';

/** Degrees; the red around 25 belongs to errors, neighbours in this list are far apart. */
export const serviceHues = [255, 75, 160, 310, 205, 110, 340, 230, 50, 285, 185, 135] as const;

/** FNV-1a over UTF-16 units, 32 bits; http://www.isthe.com/chongo/tech/comp/fnv/ */
export function stableHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The low bits of short, similar names are alike; the last mix spreads them.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Index into `serviceHues`. */
export const serviceHue = (name: string): number => stableHash(name) % serviceHues.length;

/** A CSS colour, good for canvas too. Reading it in a component subscribes to the theme. */
export function serviceColour(name: string, alpha = 1): string {
  return hueColour(serviceHue(name), alpha);
}

/** Of an index into `serviceHues`. */
export function hueColour(index: number, alpha = 1): string {
  const dark = theme.value === 'dark';
  return `oklch(${dark ? 0.74 : 0.6} ${dark ? 0.11 : 0.13} ${serviceHues[index]!} / ${alpha})`;
}
