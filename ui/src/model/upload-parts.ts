//! What the readers of files share: words for what is wrong, and what a value has to be.

/** Says what is wrong with a file, in words for the reader. */
export class NoTrace extends Error {}

export function isObject(said: unknown): said is Record<string, unknown> {
  return typeof said === "object" && said !== null && !Array.isArray(said);
}

/** The objects of a list; none when it is no list. */
export function objectsIn(said: unknown): Record<string, unknown>[] {
  return Array.isArray(said) ? said.filter(isObject) : [];
}

export function isId(said: unknown, digitsMax: number): said is string {
  return typeof said === "string" && said.length <= digitsMax && /^[0-9a-f]+$/i.test(said);
}

/** Zipkin's ids have 16 or 32 digits. */
export function padded(id: string): string {
  return id.toLowerCase().padStart(id.length > 16 ? 32 : 16, "0");
}

export function count(said: unknown): number | undefined {
  return typeof said === "number" && Number.isFinite(said) && said > 0 ? Math.round(said) : undefined;
}

/** The two ids that every span has, and that of the one above. */
export function idsOf(i: number, traceId: unknown, id: unknown, parentId: unknown): { traceId: string; id: string; parentId?: string } {
  if (!isId(traceId, 32) || !isId(id, 16)) throw new NoTrace(`Entry ${i + 1} of the list has no trace id and span id.`);
  const above = isId(parentId, 16) && !/^0+$/.test(parentId) ? { parentId: padded(parentId) } : {};
  return { traceId: padded(traceId), id: padded(id), ...above };
}
