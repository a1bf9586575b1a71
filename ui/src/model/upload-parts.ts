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

/** More than a number holds to the unit is no time that a calendar could show. */
export function count(said: unknown): number | undefined {
  return typeof said === "number" && said >= 0.5 && said <= Number.MAX_SAFE_INTEGER ? Math.round(said) : undefined;
}

/** Any value as text. An object may say that its `toString` is a number, so it is never asked. */
export function textOf(said: unknown): string {
  if (typeof said !== "object" || said === null) return String(said);
  try {
    return JSON.stringify(said);
  } catch {
    throw new NoTrace("A value is nested too deep.");
  }
}

/** What a file calls something, looked up among the names that are known: "constructor" is none of them. */
export function named<T>(names: Readonly<Record<string, T>>, said: unknown): T | undefined {
  const name = textOf(said);
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/** The two ids that every span has, and that of the one above. */
export function idsOf(i: number, traceId: unknown, id: unknown, parentId: unknown): { traceId: string; id: string; parentId?: string } {
  if (!isId(traceId, 32) || !isId(id, 16)) throw new NoTrace(`Entry ${i + 1} of the list has no trace id and span id.`);
  const above = isId(parentId, 16) && !/^0+$/.test(parentId) ? { parentId: padded(parentId) } : {};
  return { traceId: padded(traceId), id: padded(id), ...above };
}
