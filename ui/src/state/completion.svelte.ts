//! What the query line can complete from: names the server knows, and tags of the traces found last.
import { fetchRemoteServices, fetchSpanNames, fetchTagKeys, fetchTagValues } from "../api/zipkin";
import type { Facet } from "../model/facets";
import type { Known } from "../model/query-line";

export class Completion {
  #services = $state.raw<readonly string[]>([]);
  #facets = $state.raw<readonly Facet[]>([]);
  #keys = $state.raw<readonly string[] | undefined>();
  #names = $state.raw<{ service: string; names: readonly string[]; remotes: readonly string[] }>({ service: "", names: [], remotes: [] });
  #values = $state.raw<{ tag: string; values: readonly string[] }>({ tag: "", values: [] });

  readonly known: Known = $derived({
    services: this.#services,
    names: this.#names.names,
    remotes: this.#names.remotes,
    tagKeys: [...new Set([...(this.#keys ?? []), ...this.#facets.filter((it) => it.tag).map((it) => it.field)])],
    values: [...new Set([...(this.#facets.find((it) => it.tag && it.field === this.#values.tag)?.values.map((it) => it.value) ?? []), ...this.#values.values])],
  });

  learn(services: readonly string[], facets: readonly Facet[]): void {
    this.#services = services;
    if (facets.length > 0) this.#facets = facets;
  }

  /** Fetches what the word being typed could be. Completion is a help: without it, names are typed. */
  need(service: string, tag: string): void {
    if (this.#keys === undefined) {
      this.#keys = [];
      void fetchTagKeys().then((keys) => (this.#keys = keys), ignore);
    }
    if (service !== this.#names.service) {
      this.#names = { service, names: [], remotes: [] };
      if (service !== "") {
        void Promise.all([fetchSpanNames(service), fetchRemoteServices(service)]).then(([names, remotes]) => {
          if (this.#names.service === service) this.#names = { service, names, remotes };
        }, ignore);
      }
    }
    if (tag !== this.#values.tag) {
      this.#values = { tag, values: [] };
      if (this.#keys.includes(tag)) {
        void fetchTagValues(tag).then((values) => {
          if (this.#values.tag === tag) this.#values = { tag, values };
        }, ignore);
      }
    }
  }
}

function ignore(): void {
  // What is not known is typed.
}
