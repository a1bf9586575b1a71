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
