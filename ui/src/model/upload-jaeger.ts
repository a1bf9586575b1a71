//! Reads the JSON of Jaeger's page and its query API: jaegertracing/jaeger:internal/uimodel/model.go.
import type { Kind, Span } from "./span";
import { micros } from "./units";
import { count, idsOf, isObject, named, objectsIn, textOf } from "./upload-parts";

type Said = Record<string, unknown>;

const KINDS: Readonly<Record<string, Kind>> = { client: "CLIENT", server: "SERVER", producer: "PRODUCER", consumer: "CONSUMER" };
const PEERS = ["peer.service", "db.instance", "message_bus.destination"];

/** The spans of the first trace. */
export function fromJaeger(data: readonly unknown[]): Span[] {
  const [trace] = objectsIn(data);
  if (!trace) return [];
  const processes = isObject(trace.processes) ? trace.processes : {};
  return objectsIn(trace.spans).map((said, i) => spanFrom(said, processes, i));
}

function spanFrom(said: Said, processes: Said, i: number): Span {
  const process = isObject(said.process) ? said.process : named(processes, said.processID);
  const service = isObject(process) && typeof process.serviceName === "string" ? process.serviceName : "";
  const { "span.kind": kindTag, error, ...tags } = tagsOf(said.tags);
  const kind = named(KINDS, kindTag?.toLowerCase());
  const peer = kind === "CLIENT" || kind === "PRODUCER" ? PEERS.map((key) => tags[key]).find((it) => it !== undefined) : undefined;
  // A tag of that name means a failure here, also when it says false.
  const all = { ...tags, ...(error !== undefined && error !== "false" && { error }) };
  const timestamp = count(said.startTime);
  const notes = objectsIn(said.logs).map((it) => ({ timestamp: micros(count(it.timestamp) ?? 0), value: noteOf(tagsOf(it.fields)) }));
  return {
    ...idsOf(i, said.traceID, said.spanID, parentOf(said)),
    ...(kind && { kind }),
    ...(typeof said.operationName === "string" && said.operationName !== "" && { name: said.operationName }),
    ...(timestamp && { timestamp: micros(timestamp), duration: micros(Math.max(1, count(said.duration) ?? 0)) }),
    ...(service !== "" && { localEndpoint: { serviceName: service } }),
    ...(peer && { remoteEndpoint: { serviceName: peer } }),
    ...(Object.keys(all).length > 0 && { tags: all }),
    ...(notes.length > 0 && { annotations: notes }),
  };
}

/** The span it is a child of, or else the one it follows. Only within its own trace. */
function parentOf(said: Said): unknown {
  const within = objectsIn(said.references).filter((it) => it.traceID === undefined || it.traceID === said.traceID);
  const child = within.find((it) => it.refType === "CHILD_OF") ?? within[0];
  return child?.spanID ?? said.parentSpanID;
}

function tagsOf(list: unknown): Record<string, string> {
  return Object.fromEntries(objectsIn(list).flatMap((it) => (typeof it.key === "string" ? [[it.key, textOf(it.value)]] : [])));
}

/** An event by its name, with what else it says. */
function noteOf({ event, message, ...rest }: Record<string, string>): string {
  const words = [event, message].filter((it) => it !== undefined);
  return [...words, ...Object.entries(rest).map(([key, value]) => `${key}=${value}`)].join(" ");
}
