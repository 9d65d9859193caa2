import { hueColour, serviceHue, serviceHues } from '../design/service-colour.ts';

/** A hue for each name: its own, or the next that no name before it has. */
export function huesOf(names: readonly string[]): ReadonlyMap<string, number> {
  const taken = new Set<number>();
  const hues = new Map<string, number>();
  for (const name of names) {
    let hue = serviceHue(name);
    for (let tries = 0; taken.has(hue) && tries < serviceHues.length; tries++) hue = (hue + 1) % serviceHues.length;
    taken.add(hue);
    hues.set(name, hue);
  }
  return hues;
}

export { hueColour };
