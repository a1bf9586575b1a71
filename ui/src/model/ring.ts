//! Gives each service one of the 24 colours of the ring: the same on every page and in both themes.
import { compareText } from "./merge";

export const RING = 24;
/** Prime to 24, so that every step is tried, and far enough that the next one tried looks different. */
const STRIDE = 7;

/** Where a name would like to be (FNV-1a). */
export function hashStep(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % RING;
}

/** Two names of one store get two colours as long as there are any: among five names a third of all stores would have twins. */
export function assignRing(names: Iterable<string>, known: ReadonlyMap<string, number> = new Map()): Map<string, number> {
  const steps = new Map(known);
  const taken = new Set(steps.values());
  for (const name of [...new Set(names)].sort(compareText)) {
    if (steps.has(name)) continue;
    let step = hashStep(name);
    for (let tried = 0; taken.has(step) && tried < RING; tried++) step = (step + STRIDE) % RING;
    steps.set(name, step);
    taken.add(step);
  }
  return steps;
}
