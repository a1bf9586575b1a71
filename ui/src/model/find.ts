//! Finds text in a trace: in services, names, tags, annotations and ids.
import type { Span } from "./span";
import { serviceOf } from "./span";
import type { Tree } from "./tree";

/** Rows that contain the text, in order. `key=value` finds a tag, `-text` what does not contain it. */
export function findRows(tree: Tree, text: string): number[] {
  const trimmed = text.trim().toLowerCase();
  const without = trimmed.startsWith("-") && trimmed.length > 1;
  const wanted = without ? trimmed.slice(1) : trimmed;
  if (wanted === "") return [];
  const found: number[] = [];
  tree.spans.forEach((span, row) => {
    // A root that never came has no data to be found.
    if (!(tree.rootless && row === 0) && contains(span, wanted) !== without) found.push(row);
  });
  return found;
}

function contains(span: Span, wanted: string): boolean {
  const has = (value: string | undefined) => value !== undefined && value.toLowerCase().includes(wanted);
  if (has(span.name) || has(serviceOf(span)) || has(span.remoteEndpoint?.serviceName) || has(span.id)) return true;
  for (const key in span.tags) if (has(`${key}=${span.tags[key]}`)) return true;
  return span.annotations?.some((it) => has(it.value)) ?? false;
}

/** The next of some ascending rows after a row (or the one before it), going round at the end. */
export function nextRow(rows: Int32Array, after: number, forward = true): number | undefined {
  if (rows.length === 0) return undefined;
  if (forward) return rows.find((row) => row > after) ?? rows[0];
  return rows.findLast((row) => row < after) ?? rows.at(-1);
}
