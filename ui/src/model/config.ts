//! What `config.json` tells the page. Its keys and defaults are Zipkin's: openzipkin/zipkin:zipkin-server/README.md, "UI".
import { millis, type Millis } from "./units";

export interface Config {
  /** Shown beside the name, "" for none. */
  readonly environment: string;
  readonly queryLimit: number;
  readonly defaultLookback: Millis;
  /** False where traces can be opened by id, but not searched. */
  readonly searchEnabled: boolean;
  /** Templates of links; "" for none. */
  readonly logsUrl: string;
  readonly supportUrl: string;
  readonly archivePostUrl: string;
  readonly archiveUrl: string;
  readonly dependency: { readonly enabled: boolean; readonly lowErrorRate: number; readonly highErrorRate: number };
}

export const CONFIG_DEFAULT: Config = {
  environment: "",
  queryLimit: 10,
  defaultLookback: millis(900_000),
  searchEnabled: true,
  logsUrl: "",
  supportUrl: "",
  archivePostUrl: "",
  archiveUrl: "",
  dependency: { enabled: true, lowErrorRate: 0.5, highErrorRate: 0.75 },
};

/** Takes what is there and of the right kind; the rest is as Zipkin has it. */
export function readConfig(said: unknown): Config {
  const from = isObject(said) ? said : {};
  const links = isObject(from.dependency) ? from.dependency : {};
  const { dependency } = CONFIG_DEFAULT;
  return {
    environment: text(from.environment),
    queryLimit: count(from.queryLimit) ?? CONFIG_DEFAULT.queryLimit,
    defaultLookback: millis(count(from.defaultLookback) ?? CONFIG_DEFAULT.defaultLookback),
    searchEnabled: from.searchEnabled !== false,
    logsUrl: text(from.logsUrl),
    supportUrl: text(from.supportUrl),
    archivePostUrl: text(from.archivePostUrl),
    archiveUrl: text(from.archiveUrl),
    dependency: {
      enabled: links.enabled !== false,
      lowErrorRate: share(links.lowErrorRate) ?? dependency.lowErrorRate,
      highErrorRate: share(links.highErrorRate) ?? dependency.highErrorRate,
    },
  };
}

export interface LinkTo {
  readonly traceId?: string;
  readonly spanId?: string;
  /** Start, milliseconds since the epoch. */
  readonly ts?: number;
}

/** Fills `{traceId}`, `{spanId}` and `{ts}`; undefined when there is no template, or it is no link of the web. */
export function linkFrom(template: string, to: LinkTo): string | undefined {
  if (template === "") return undefined;
  const filled = template.replace(/\{(traceId|spanId|ts)\}/g, (_, name: keyof LinkTo) => encodeURIComponent(String(to[name] ?? "")));
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(filled)?.[1].toLowerCase();
  return scheme === undefined || scheme === "http" || scheme === "https" ? filled : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function share(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value <= 1 ? value : undefined;
}
