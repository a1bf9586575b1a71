//! The searches next to one that found nothing: each leaves one condition out, or looks back further.
import { chipsOf, chipText, withoutChip } from "./query-line";
import { emptyQuery, LOOKBACKS, type Defaults, type SearchQuery } from "./search-query";

export interface Relaxed {
  readonly key: "week" | "without" | "bare";
  /** The condition left out. */
  readonly condition: string;
  readonly query: SearchQuery;
}

/** More would only load the server; people try the first ones. */
const TRIED_MAX = 6;

export function relax(query: SearchQuery, defaults: Defaults): Relaxed[] {
  const week = LOOKBACKS[LOOKBACKS.length - 1].ms;
  const chips = chipsOf(query);
  const made: Relaxed[] = chips.map((chip) => ({ key: "without", condition: chipText(chip), query: withoutChip(query, chip) }));
  if (!("last" in query.range) || query.range.last < week) made.unshift({ key: "week", condition: "", query: { ...query, range: { last: week } } });
  if (chips.length > 1) made.push({ key: "bare", condition: "", query: { ...emptyQuery(defaults), range: query.range, limit: query.limit, sort: query.sort } });
  return made.slice(0, TRIED_MAX);
}
