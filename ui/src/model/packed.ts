//! Reads the columns that the server sends, whole arrays at a time. Every byte: docs/formats/columns.md.
import type { Bounds } from "./bounds";
import type { Texts, TraceColumns } from "./columns";
import type { OwnTime, ServiceTime } from "./own-time";
import type { Skew } from "./skew";

/** The media type of what is read here. */
export const COLUMNS_TYPE = "application/vnd.spanlet.columns.v1";

const MAGIC = "SPANCOL1";
const HEAD_AT = 16;
const TYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f64: Float64Array } as const;
const TEXTS = ["service", "remote", "spanName", "kind", "name", "path"] as const;
const FAILED = 1;
const ON_PATH = 2;
const NETWORK = 4;

interface Head {
  readonly traceId: string;
  readonly spans: number;
  readonly rootless: boolean;
  readonly orphans: number;
  readonly unreached: number;
  readonly baseUs: number;
  readonly extentUs: number;
  readonly durationUs: number;
  readonly services: readonly string[];
  readonly own: readonly ServiceTime[];
  readonly skews: readonly Skew[];
  readonly texts: Readonly<Record<(typeof TEXTS)[number], readonly string[]>>;
  readonly columns: Readonly<Record<string, { readonly type: keyof typeof TYPES; readonly at: number; readonly length: number }>>;
}

export function readColumns(buffer: ArrayBuffer): TraceColumns {
  if (new TextDecoder().decode(new Uint8Array(buffer, 0, MAGIC.length)) !== MAGIC) throw new Error("these are no columns");
  const headBytes = new DataView(buffer).getUint32(MAGIC.length, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEAD_AT, headBytes))) as Head;
  const column = (name: string) => {
    const { type, at, length } = head.columns[name];
    return new TYPES[type](buffer, HEAD_AT + headBytes + at, length);
  };
  const parent = new Int32Array(column("parent"));
  const flags = column("flags");
  const failed = Uint8Array.from(flags, (it) => it & FAILED);
  const { depth, size, levels } = shapeOf(parent, head.rootless);
  const texts = Object.fromEntries(TEXTS.map((name) => [name, { of: head.texts[name], at: new Int32Array(column(name)) }])) as Record<(typeof TEXTS)[number], Texts>;
  return {
    parent,
    depth,
    size,
    levels,
    rootless: head.rootless,
    orphans: head.orphans,
    unreached: head.unreached,
    traceId: head.traceId,
    bounds: boundsOf(head, column("start"), column("duration")),
    own: ownOf(head, flags, column("stretchCount"), column("stretches")),
    skews: head.skews,
    headRow: head.rootless ? 1 : 0,
    errorRows: Int32Array.from(failed.keys()).filter((row) => failed[row] === 1),
    failed,
    services: head.services,
    spanCount: head.spans,
    ...texts,
    ids: new Uint8Array(column("id")),
  };
}

type Numbers = InstanceType<(typeof TYPES)[keyof typeof TYPES]>;

/** Row 0 is its own parent as sent; on the page the root has none. */
function shapeOf(parent: Int32Array, rootless: boolean) {
  const depth = new Int32Array(parent.length);
  const size = new Int32Array(parent.length).fill(1);
  // The missing root is not shown, so the spans below it start at depth 0.
  depth[0] = rootless ? -1 : 0;
  let levels = 1;
  for (let row = 1; row < parent.length; row++) {
    depth[row] = depth[parent[row]] + 1;
    if (depth[row] >= levels) levels = depth[row] + 1;
  }
  for (let row = parent.length - 1; row > 0; row--) size[parent[row]] += size[row];
  parent[0] = -1;
  return { depth, size, levels };
}

function boundsOf({ baseUs, extentUs }: Head, start: Numbers, duration: Numbers): Bounds {
  const startUs = new Float64Array(start);
  const endUs = new Float64Array(duration);
  for (let row = 0; row < endUs.length; row++) endUs[row] += startUs[row];
  return { startUs, endUs, baseUs, extentUs };
}

function ownOf(head: Head, flags: Numbers, stretchCount: Numbers, pairs: Numbers): OwnTime {
  const count = new Int32Array(stretchCount);
  const stretches = new Float64Array(pairs);
  const first = new Int32Array(count.length);
  const ownUs = new Float64Array(count.length);
  let at = 0;
  for (let row = 0; row < count.length; row++) {
    first[row] = at;
    for (const end = at + 2 * count[row]; at < end; at += 2) ownUs[row] += stretches[at + 1] - stretches[at];
  }
  return {
    durationUs: head.durationUs,
    services: head.own,
    ownUs,
    onPath: Uint8Array.from(flags, (it) => (it & ON_PATH ? 1 : 0)),
    network: Uint8Array.from(flags, (it) => (it & NETWORK ? 1 : 0)),
    stretches,
    first,
    count,
  };
}
