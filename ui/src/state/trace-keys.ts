//! What each key does on the page of a trace.
import { VIEWS } from "../model/trace-view";
import type { TraceState } from "./trace-state.svelte";

export interface KeyActions {
  readonly find: () => void;
  readonly copyLink: () => void;
}

type Act = (state: TraceState) => void;

const KEYS: Record<string, Act> = {
  ArrowDown: (it) => it.move(1),
  j: (it) => it.move(1),
  ArrowUp: (it) => it.move(-1),
  k: (it) => it.move(-1),
  PageDown: (it) => it.move(20),
  PageUp: (it) => it.move(-20),
  Home: (it) => it.move(-it.rows.length),
  End: (it) => it.move(it.rows.length),
  ArrowRight: (it) => it.sideways(true),
  ArrowLeft: (it) => it.sideways(false),
  Enter: (it) => {
    if (it.active === undefined) it.move(1);
    it.detail = true;
  },
  Escape: (it) => it.escape(),
  n: (it) => it.nextMatch(true),
  N: (it) => it.nextMatch(false),
  e: (it) => it.nextOf(it.trace.errorRows, true),
  E: (it) => it.nextOf(it.trace.errorRows, false),
  "+": (it) => it.zoomBy(1.5),
  "=": (it) => it.zoomBy(1.5),
  w: (it) => it.zoomBy(1.5),
  "-": (it) => it.zoomBy(1 / 1.5),
  s: (it) => it.zoomBy(1 / 1.5),
  "0": (it) => it.whole(),
  a: (it) => it.panBy(-0.2),
  d: (it) => it.panBy(0.2),
  "[": (it) => it.levelsBy(-1),
  "]": (it) => it.levelsBy(1),
  f: (it) => it.focusSubtree(),
  F: (it) => it.unfocus(),
  c: (it) => {
    it.onlyPath = !it.onlyPath;
  },
};
VIEWS.forEach((view, i) => {
  KEYS[String(i + 1)] = (it) => {
    it.view = view;
  };
});

/** Keys that press a control or scroll a panel stay theirs. */
const OF_CONTROLS = new Set(["Enter", " ", "Home", "End", "PageUp", "PageDown", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

export function press(event: KeyboardEvent, state: TraceState, actions: KeyActions): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  if (target.closest("input, select, textarea, dialog, [popover]")) return;
  if (target.closest("button, a, summary, pre, [role=tab]") && OF_CONTROLS.has(event.key)) return;
  const own: Record<string, () => void> = { "/": actions.find, y: actions.copyLink };
  const act = own[event.key] ?? (KEYS[event.key] && (() => KEYS[event.key](state)));
  if (!act) return;
  event.preventDefault();
  act();
}
