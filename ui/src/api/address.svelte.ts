//! The address bar: which page it names, and how to go to another one without loading anew.
export type Place =
  | { readonly page: "search"; readonly params: URLSearchParams }
  | { readonly page: "trace"; readonly traceId: string; readonly params: URLSearchParams };

const basePath = new URL(document.baseURI).pathname;

function read(): Place {
  const params = new URLSearchParams(location.search);
  const path = location.pathname.startsWith(basePath) ? location.pathname.slice(basePath.length) : "";
  const trace = /^traces\/([^/]+)$/.exec(path);
  return trace ? { page: "trace", traceId: decodeURIComponent(trace[1]), params } : { page: "search", params };
}

let current = $state.raw<Place>(read());
window.addEventListener("popstate", () => {
  current = read();
});

export const address = {
  get place(): Place {
    return current;
  },
};

export function searchHref(params?: URLSearchParams): string {
  const query = params?.toString() ?? "";
  return query === "" ? "./" : `./?${query}`;
}

export function traceHref(traceId: string, params?: URLSearchParams): string {
  const query = params?.toString() ?? "";
  return `traces/${encodeURIComponent(traceId)}${query === "" ? "" : `?${query}`}`;
}

export function go(href: string): void {
  history.pushState(null, "", new URL(href, document.baseURI));
  current = read();
  window.scrollTo(0, 0);
}

/** Changes the address of what is shown already: nothing is loaded, and back leads to the page before. */
export function rewrite(href: string): void {
  const url = new URL(href, document.baseURI);
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
