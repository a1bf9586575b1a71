//! The address bar: which page it names, and how to go to another one without loading anew.
export type PageName = "search" | "trace" | "upload" | "dependency" | "compare" | "services" | "status";

export interface Place {
  readonly page: PageName;
  /** Of a trace; "" elsewhere. */
  readonly traceId: string;
  readonly params: URLSearchParams;
}

const basePath = new URL(document.baseURI).pathname;
const PAGES: Readonly<Record<string, PageName>> = { dependency: "dependency", traceViewer: "upload", compare: "compare", services: "services", status: "status" };

function read(): Place {
  const params = new URLSearchParams(location.search);
  const path = location.pathname.startsWith(basePath) ? location.pathname.slice(basePath.length) : "";
  const trace = /^traces\/([^/]+)$/.exec(path);
  return { page: trace ? "trace" : (PAGES[path] ?? "search"), traceId: trace ? decoded(trace[1]) : "", params };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign; it is no trace id either way.
    return text;
  }
}

let current = $state.raw<Place>(read());
window.addEventListener("popstate", () => {
  current = read();
});

/** Inside another page's frame: only the trace, no bar. Every address keeps it. */
export const embedded = current.params.get("embed") === "1";

export const address = {
  get place(): Place {
    return current;
  },
};

function href(path: string, params?: URLSearchParams): string {
  const query = params?.toString() ?? "";
  return query === "" ? path : `${path}?${query}`;
}

export const searchHref = (params?: URLSearchParams): string => href("./", params);
export const traceHref = (traceId: string, params?: URLSearchParams): string => href(`traces/${encodeURIComponent(traceId)}`, params);
export const uploadHref = (params?: URLSearchParams): string => href("traceViewer", params);
export const dependencyHref = (params?: URLSearchParams): string => href("dependency", params);
export const servicesHref = (params?: URLSearchParams): string => href("services", params);
export const statusHref = (): string => href("status");
export const compareHref = (params?: URLSearchParams): string => href("compare", params);

function absolute(to: string): URL {
  const url = new URL(to, document.baseURI);
  if (embedded) url.searchParams.set("embed", "1");
  return url;
}

export function go(to: string): void {
  history.pushState(null, "", absolute(to));
  current = read();
  window.scrollTo(0, 0);
}

/** Changes the address of what is shown already: nothing is loaded, and back leads to the page before. */
export function rewrite(to: string): void {
  const url = absolute(to);
  if (url.href !== location.href) history.replaceState(null, "", url);
}

/** Follows plain clicks on links to our own pages. Everything else, new tabs and downloads too, is the browser's. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target !== "" || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  const ours = url.origin === location.origin && url.pathname.startsWith(basePath) && !url.pathname.startsWith(`${basePath}api/`);
  if (!ours) return;
  event.preventDefault();
  go(url.href);
}
