//! What is selected, zoomed, found, filtered and collapsed in a trace, and what follows from it.
import { untrack } from "svelte";
import type { OpenTrace } from "../api/reader";
import { textAt, type TraceColumns } from "../model/columns";
import { nextRow } from "../model/find";
import { indexOfRow, isCollapsed, isFolded, reveal, toggle, toggleRun, visibleRows, withAncestors, type Folding, type Scope } from "../model/rows";
import { findRuns } from "../model/runs";
import { clampView, isWhole, pan, zoom, type View } from "../model/timeline";
import { viewFromUrl, viewToUrl, type ViewName } from "../model/trace-view";

const NONE = new Int32Array(0);

export class TraceState {
  open = $state.raw() as OpenTrace;
  view = $state<ViewName>("waterfall");
  active = $state<number | undefined>();
  /** The details of the active row are open. */
  detail = $state(false);
  zoomed = $state.raw<View | undefined>();
  find = $state("");
  /** Rows that the find matches; they come from the worker a moment after the text. */
  matches = $state.raw<Int32Array>(NONE);
  /** What they are the matches of. */
  matchedFind = $state("");
  /** Enter was pressed before they came: they are gone to then. */
  #goOn: boolean | undefined;
  onlyMatches = $state(false);
  services = $state.raw<readonly string[]>([]);
  onlyPath = $state(false);
  root = $state(-1);
  folding = $state.raw() as Folding;
  rawTimes = $state(false);
  /** Called when a row should be scrolled into view. */
  onshow: (row: number) => void = () => {};

  readonly trace: TraceColumns = $derived(this.open.columns);
  readonly extentUs = $derived(this.trace.bounds.extentUs);
  readonly span: View = $derived(this.zoomed ? clampView(this.zoomed, this.extentUs) : { fromUs: 0, toUs: Math.max(1, this.extentUs) });
  readonly runs = $derived(findRuns(this.trace));
  readonly scope: Scope = $derived({ root: this.root, keep: this.#keep(), runs: this.runs });
  readonly rows = $derived(visibleRows(this.trace, this.folding, this.scope));
  readonly params = $derived(
    viewToUrl(this.trace, {
      view: this.view,
      selected: this.detail ? this.active : undefined,
      zoom: this.zoomed,
      find: this.find,
      onlyMatches: this.onlyMatches,
      services: this.services,
      onlyPath: this.onlyPath,
      root: this.root,
      folding: this.folding,
      rawTimes: this.rawTimes,
    }),
  );

  constructor(open: OpenTrace, params: URLSearchParams) {
    const said = viewFromUrl(open.columns, params);
    this.open = open;
    this.folding = said.folding;
    this.view = said.view;
    this.active = said.selected;
    this.detail = said.selected !== undefined;
    this.zoomed = said.zoom;
    this.find = said.find;
    this.onlyMatches = said.onlyMatches;
    this.services = said.services;
    this.onlyPath = said.onlyPath;
    this.root = said.root;
    this.rawTimes = said.rawTimes;
    if (said.selected !== undefined) this.folding = untrack(() => reveal(this.trace, said.folding, said.selected ?? 0, this.runs));
  }

  /** Undefined when no filter is on. */
  #keep(): Uint8Array | undefined {
    const { trace } = this;
    const tests: ((row: number) => boolean)[] = [];
    if (this.services.length > 0) {
      const wanted = Uint8Array.from(trace.service.of, (name) => (this.services.includes(name) ? 1 : 0));
      tests.push((row) => wanted[trace.service.at[row]] === 1);
    }
    if (this.onlyPath) tests.push((row) => trace.own.onPath[row] === 1);
    if (this.onlyMatches && this.find.trim() !== "") {
      const matched = new Uint8Array(trace.size.length);
      for (const row of this.matches) matched[row] = 1;
      tests.push((row) => matched[row] === 1);
    }
    return tests.length === 0 ? undefined : withAncestors(trace, (row) => tests.every((it) => it(row)));
  }

  setView(next: View): void {
    const clamped = clampView(next, this.extentUs);
    this.zoomed = isWhole(clamped, this.extentUs) ? undefined : clamped;
  }

  whole(): void {
    this.zoomed = undefined;
  }

  zoomBy(factor: number): void {
    const { fromUs, toUs } = this.span;
    const startUs = this.active === undefined ? undefined : this.trace.bounds.startUs[this.active] || 0;
    const aroundUs = startUs === undefined ? (fromUs + toUs) / 2 : Math.min(Math.max(startUs, fromUs), toUs);
    this.setView(zoom(this.span, factor, aroundUs, this.extentUs));
  }

  panBy(share: number): void {
    this.setView(pan(this.span, share, this.extentUs));
  }

  select(row: number, open = this.detail): void {
    // What is asked for is shown, whatever hid it.
    if (this.root >= 0 && !(row >= this.root && row < this.root + this.trace.size[this.root])) this.root = -1;
    if (this.scope.keep?.[row] === 0) this.clearFilters();
    this.folding = reveal(this.trace, this.folding, row, this.runs);
    this.active = row;
    this.detail = open;
    this.onshow(row);
  }

  clearFilters(): void {
    this.services = [];
    this.onlyPath = false;
    this.onlyMatches = false;
  }

  /** All services are shown but this one, or this one too. */
  toggleService(service: string): void {
    const has = this.services.includes(service);
    this.services = has ? this.services.filter((it) => it !== service) : [...this.services, service];
  }

  move(by: number): void {
    const { rows } = this;
    const at = this.active === undefined ? (by > 0 ? -1 : rows.length) : indexOfRow(rows, this.active);
    const row = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    if (row === undefined) return;
    this.active = row;
    this.onshow(row);
  }

  folded(row: number): boolean {
    return isFolded(this.scope, this.folding, row);
  }

  fold(row: number): void {
    this.folding = this.folded(row) ? toggleRun(this.folding, row) : toggle(this.folding, row);
    this.#keepActive(row);
  }

  foldRun(row: number): void {
    this.folding = toggleRun(this.folding, row);
    this.#keepActive(row);
  }

  #keepActive(row: number): void {
    if (this.active !== undefined && indexOfRow(this.rows, this.active) < 0) this.active = row;
  }

  setLevels(levels: number): void {
    const { levels: all } = this.trace;
    this.folding = { ...this.folding, levels: levels >= all ? 0 : Math.max(1, levels), toggled: new Set() };
  }

  levelsBy(step: number): void {
    this.setLevels((this.folding.levels === 0 ? this.trace.levels : this.folding.levels) + step);
  }

  /** Tree rules: left closes or goes to the parent, right opens or goes to the first child. */
  sideways(right: boolean): void {
    const { active, trace } = this;
    if (active === undefined) return this.move(1);
    const inner = trace.size[active] > 1;
    const closed = this.folded(active) || isCollapsed(trace, this.folding, active);
    if (right && closed) this.fold(active);
    else if (right && inner) this.move(1);
    else if (!right && inner && !closed) this.fold(active);
    else if (!right && trace.parent[active] >= trace.headRow) this.select(trace.parent[active]);
  }

  nextOf(list: Int32Array, forward: boolean): void {
    const row = nextRow(list, this.active ?? (forward ? -1 : this.trace.size.length), forward);
    if (row !== undefined) this.select(row);
  }

  nextMatch(forward: boolean): void {
    if (this.matchedFind === this.find) this.nextOf(this.matches, forward);
    else this.#goOn = forward;
  }

  matched(find: string, rows: Int32Array): void {
    this.matches = rows;
    this.matchedFind = find;
    const forward = this.#goOn;
    this.#goOn = undefined;
    if (forward !== undefined) this.nextOf(rows, forward);
  }

  /** Shows only what lies under the active row, at its own length. */
  focusSubtree(row = this.active): void {
    if (row === undefined || row < this.trace.headRow) return;
    this.root = row;
    const fromUs = this.trace.bounds.startUs[row];
    if (!Number.isNaN(fromUs)) this.setView({ fromUs, toUs: Math.max(fromUs + 1, this.trace.bounds.endUs[row]) });
  }

  unfocus(): void {
    this.root = -1;
    this.zoomed = undefined;
  }

  escape(): void {
    if (this.detail) this.detail = false;
    else if (this.find !== "") this.find = "";
    else if (this.root >= 0) this.unfocus();
    else if (this.scope.keep) this.clearFilters();
    else this.zoomed = undefined;
  }

  /** "SERVICE name", for sentences. */
  title(row: number): string {
    return `${textAt(this.trace.service, row)} ${textAt(this.trace.name, row)} ${textAt(this.trace.path, row)}`.replace(/ +/g, " ").trim();
  }
}
