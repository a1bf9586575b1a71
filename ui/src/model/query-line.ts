//! The query line: a search as chips, words typed into chips, and what could be typed next.
import { parseDuration } from "./duration";
import type { SearchQuery } from "./search-query";

/** One condition. `value` is "" for a tag that only has to be there. */
export interface Chip {
  readonly key: string;
  readonly op: "=" | ">" | "<" | "";
  readonly value: string;
}

const NAMES: ReadonlyMap<string, "serviceName" | "spanName" | "remoteServiceName"> = new Map([
  ["service", "serviceName"],
  ["servicename", "serviceName"],
  ["name", "spanName"],
  ["spanname", "spanName"],
  ["remote", "remoteServiceName"],
  ["remoteservicename", "remoteServiceName"],
]);

/** The field that a key means; undefined for the key of a tag. */
export function fieldOf(key: string): "serviceName" | "spanName" | "remoteServiceName" | undefined {
  return NAMES.get(key.toLowerCase());
}

export function chipsOf(query: SearchQuery): Chip[] {
  const chips: Chip[] = [];
  const add = (key: string, op: Chip["op"], value: string) => {
    if (value.trim() !== "") chips.push({ key, op, value: value.trim() });
  };
  add("service", "=", query.serviceName);
  add("name", "=", query.spanName);
  add("remote", "=", query.remoteServiceName);
  chips.push(...conditionsOf(query.annotationQuery));
  add("duration", ">", query.minDuration);
  add("duration", "<", query.maxDuration);
  return chips;
}

function conditionsOf(annotationQuery: string): Chip[] {
  return annotationQuery
    .split(/\s+and\s+/)
    .map((it) => it.trim())
    .filter((it) => it !== "")
    .map((it) => {
      const at = it.indexOf("=");
      return at < 1 ? { key: it, op: "", value: "" } : { key: it.slice(0, at), op: "=", value: it.slice(at + 1) };
    });
}

/** A tag as Zipkin's `annotationQuery` writes it. */
export function conditionOf(key: string, value: string): string {
  return value === "" ? key : `${key}=${value}`;
}

export function withChip(query: SearchQuery, { key, op, value }: Chip): SearchQuery {
  if (op === ">") return { ...query, minDuration: value };
  if (op === "<") return { ...query, maxDuration: value };
  const field = op === "=" ? fieldOf(key) : undefined;
  if (field) return { ...query, [field]: value };
  const conditions = conditionsOf(query.annotationQuery).filter((it) => it.key !== key || op === "");
  const text = [...conditions.map((it) => conditionOf(it.key, it.value)), conditionOf(key, value)];
  return { ...query, annotationQuery: [...new Set(text)].join(" and ") };
}

export function withoutChip(query: SearchQuery, { key, op, value }: Chip): SearchQuery {
  if (op === ">") return { ...query, minDuration: "" };
  if (op === "<") return { ...query, maxDuration: "" };
  const field = op === "=" ? fieldOf(key) : undefined;
  // An old link may ask for a tag that is called as a field is.
  if (field && query[field].trim() === value) return { ...query, [field]: "" };
  const rest = conditionsOf(query.annotationQuery).map((it) => conditionOf(it.key, it.value));
  return { ...query, annotationQuery: rest.filter((it) => it !== conditionOf(key, value)).join(" and ") };
}

export function hasChip(query: SearchQuery, chip: Chip): boolean {
  return chipsOf(query).some((it) => it.key === chip.key && it.op === chip.op && it.value === chip.value);
}

/** As one would type it. */
export function chipText({ key, op, value }: Chip): string {
  if (op === "") return quoted(key);
  return `${quoted(key)}${op}${quoted(value)}`;
}

function quoted(text: string): string {
  return /[\s"]/.test(text) ? `"${text.replaceAll('"', "")}"` : text;
}

export type Typed = { readonly chips: readonly Chip[] } | { readonly problem: string };

/** Reads `service=orders error duration>200ms http.path="/a b"`. */
export function readLine(text: string): Typed {
  const chips: Chip[] = [];
  for (const word of wordsOf(text)) {
    if (word.toLowerCase() === "and") continue;
    const match = /^([^=<>]+?)(>=|<=|=|>|<)(.*)$/.exec(word);
    if (!match) {
      chips.push({ key: word, op: "", value: "" });
      continue;
    }
    const [, key, sign, value] = match;
    const lower = key.toLowerCase();
    if (value === "") return { problem: "Something is missing after the sign." };
    const op = lower === "minduration" ? ">" : lower === "maxduration" ? "<" : (sign[0] as ">" | "<" | "=");
    if (op === "=" && lower !== "duration") {
      const field = fieldOf(key);
      chips.push({ key: field ? SHORT[field] : key, op, value });
      continue;
    }
    if (!["duration", "minduration", "maxduration"].includes(lower)) return { problem: "Only the duration can be more or less than something." };
    if (op === "=") return { problem: "Write duration>100ms or duration<1.5s." };
    if (!parseDuration(value)) return { problem: "Write it as 200us, 100ms or 1.5s." };
    chips.push({ key: "duration", op, value: /^\d+$/.test(value) ? `${value}us` : value });
  }
  return { chips };
}

const SHORT = { serviceName: "service", spanName: "name", remoteServiceName: "remote" } as const;

/** Words, with quotes taken off: a quoted part keeps its spaces. */
function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
  return words.map((it) => it.replaceAll('"', "")).filter((it) => it !== "");
}

/** What is known of the data, to complete from. */
export interface Known {
  readonly services: readonly string[];
  readonly names: readonly string[];
  readonly remotes: readonly string[];
  readonly tagKeys: readonly string[];
  /** Of the tag that is being typed. */
  readonly values: readonly string[];
}

export interface Suggestion {
  /** What the word becomes. */
  readonly text: string;
  /** Whether something has to be typed after it. */
  readonly open: boolean;
}

const KEYS: readonly Suggestion[] = [
  { text: "service=", open: true },
  { text: "name=", open: true },
  { text: "remote=", open: true },
  { text: "duration>", open: true },
  { text: "duration<", open: true },
  { text: "error", open: false },
];
const DURATIONS = ["10ms", "50ms", "100ms", "250ms", "500ms", "1s", "5s"];
const SHOWN_MAX = 12;

/** The word that is being typed: the last one. */
export function lastWord(text: string): string {
  return /(?:"[^"]*"?|[^\s"])*$/.exec(text)?.[0] ?? "";
}

/** The tag whose value is being typed, "" when it is something else. */
export function tagTyped(text: string): string {
  const match = /^([^=<>]+)=/.exec(lastWord(text).replaceAll('"', ""));
  return match && !fieldOf(match[1]) && match[1].toLowerCase() !== "duration" ? match[1] : "";
}

export function suggest(text: string, known: Known): Suggestion[] {
  const word = lastWord(text).replaceAll('"', "");
  const match = /^([^=<>]+)([=<>]+)(.*)$/.exec(word);
  if (!match) {
    const tags = known.tagKeys.filter((it) => it !== "error").map((key) => ({ text: `${quoted(key)}=`, open: true }));
    const services = word === "" ? [] : known.services.map((it) => ({ text: `service=${quoted(it)}`, open: false }));
    return fitting([...KEYS, ...tags, ...services], word, (it) => it.text.replace(/^service="?(?=.)/, (all) => (word.startsWith("s") ? all : "")));
  }
  const [, key, sign, value] = match;
  const lower = key.toLowerCase();
  if (lower === "duration") return fitting(DURATIONS.map((it) => ({ text: `duration${sign[0]}${it}`, open: false })), value, (it) => it.text.replace(/^duration./, ""));
  const field = fieldOf(key);
  const of = field ? { serviceName: known.services, spanName: known.names, remoteServiceName: known.remotes }[field] : known.values;
  return fitting(of.map((it) => ({ text: `${quoted(key)}=${quoted(it)}`, open: false })), value, (it) => it.text.slice(it.text.indexOf("=") + 1));
}

/** Those that begin with what is typed come before those that contain it. */
function fitting(all: readonly Suggestion[], typed: string, read: (it: Suggestion) => string): Suggestion[] {
  const wanted = typed.toLowerCase();
  const texts = all.map((it) => ({ it, text: read(it).toLowerCase().replaceAll('"', "") }));
  const first = texts.filter(({ text }) => text.startsWith(wanted) && text !== wanted);
  const then = texts.filter(({ text }) => !text.startsWith(wanted) && text.includes(wanted));
  return [...first, ...then].slice(0, SHOWN_MAX).map(({ it }) => it);
}
