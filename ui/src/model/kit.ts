//! Small traces for tests.
import { columnsOf, type TraceColumns } from "./columns";
import type { Span } from "./span";
import { assembleTrace } from "./trace";
import { micros } from "./units";

export const span = (id: string, parentId: string | undefined, service: string, from: number, to: number, rest: Partial<Span> = {}): Span => ({
  traceId: "00000000000000aa",
  id,
  ...(parentId && { parentId }),
  name: `op ${id}`,
  timestamp: micros(1_000_000 + from),
  duration: micros(to - from),
  localEndpoint: { serviceName: service },
  ...rest,
});

export const columns = (...spans: Span[]): TraceColumns => columnsOf(assembleTrace(spans));

/** Numbers that look random and are the same in every run. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

/** A trace of up to 40 spans as instrumentation gets it wrong: times missing, children outside their parents, sometimes no root. */
export function wildSpans(random: (below: number) => number): Span[] {
  const lost = random(4) === 0;
  return Array.from({ length: 1 + random(40) }, (_, i) => {
    const from = random(1000);
    const parentId = i > 0 ? idOf(1 + random(i)) : lost ? "ff" : undefined;
    const made = span(idOf(i + 1), parentId, "abcde"[random(5)], from, from + 1 + random(500), { name: `op ${random(3)}` });
    if (random(10) === 0) delete made.timestamp;
    if (random(10) === 0) delete made.duration;
    if (random(8) === 0) made.tags = { error: "" };
    return made;
  });
}

const idOf = (number: number) => number.toString(16).padStart(16, "0");
