//! Mends clocks: moves spans of a host whose clock runs behind that of its caller.
// Same rules as Zipkin's own page, openzipkin/zipkin:zipkin-lens/src/zipkin/clock-skew.js. A server that seems to start
// *after* its client is left alone: that is also what a request looks like that waited in a queue until its caller gave up.
import type { Endpoint, Span } from "./span";
import type { Tree } from "./tree";

export interface Skew {
  /** Address of the host, and the name of the service there. */
  readonly ip: string;
  readonly service: string;
  /** Negative: the clock of this host is behind that of its callers. */
  readonly skewUs: number;
}

export interface Mended {
  /** What to take off the timestamp of each row. */
  readonly shiftUs: Float64Array;
  /** One for each host and amount found, largest first. */
  readonly skews: readonly Skew[];
}

export function mendClocks(tree: Tree): Mended {
  const { spans, parent } = tree;
  const shiftUs = new Float64Array(spans.length);
  if (tree.rootless || tree.parentless !== 1) return { shiftUs, skews: [] };
  const carried: (Skew | undefined)[] = new Array(spans.length);
  const found = new Map<string, Skew>();
  for (let row = 1; row < spans.length; row++) {
    const span = spans[row];
    const from = carried[parent[row]];
    const ip = addressOf(span.localEndpoint);
    const inherited = from && (ip === undefined || ip === from.ip) ? from : undefined;
    if (inherited) shiftUs[row] = inherited.skewUs;
    const skew = skewBetween(spans[parent[row]], shiftUs[parent[row]], span, shiftUs[row]);
    if (skew) {
      shiftUs[row] += skew.skewUs;
      const known = found.get(skew.ip);
      if (!known || Math.abs(skew.skewUs) > Math.abs(known.skewUs)) found.set(skew.ip, skew);
    }
    carried[row] = skew ? { ...skew, skewUs: shiftUs[row] } : inherited;
  }
  return { shiftUs, skews: [...found.values()].sort((a, b) => Math.abs(b.skewUs) - Math.abs(a.skewUs)) };
}

function addressOf(endpoint: Endpoint | undefined): string | undefined {
  return endpoint?.ipv4 ?? endpoint?.ipv6;
}

function skewBetween(client: Span, clientShiftUs: number, server: Span, serverShiftUs: number): Skew | undefined {
  if (client.kind !== "CLIENT" || server.kind !== "SERVER") return undefined;
  const ip = addressOf(server.localEndpoint);
  const clientIp = addressOf(client.localEndpoint);
  if (!ip || !clientIp || ip === clientIp || !client.timestamp || !server.timestamp) return undefined;
  const aheadUs = server.timestamp - serverShiftUs - (client.timestamp - clientShiftUs);
  if (aheadUs > 0) return undefined;
  const roomUs = client.duration && server.duration ? client.duration - server.duration : -1;
  const latencyUs = roomUs >= 0 ? Math.floor(roomUs / 2) : 1;
  const skewUs = aheadUs - latencyUs;
  return skewUs === 0 ? undefined : { ip, service: server.localEndpoint?.serviceName ?? "", skewUs };
}
