//! What holds for any trace, however badly reported: 200 wild ones go through all that a trace page works out.
import { describe, expect, test } from "vitest";
import { selfStretches, selfUs, toPixels } from "./bars";
import { columnsOf, idAt, rowOfId, sameIdBefore, textAt, type TraceColumns } from "./columns";
import { alignTraces, deltaOf, lengthOf, mainCause, onlyDifferent } from "./compare";
import { findRows } from "./find";
import { firstInView, layIcicle, rowAt } from "./icicle";
import { randomFrom, span, wildSpans } from "./kit";
import { linksOfTrace } from "./links";
import { indexOfRow, OPEN, reveal, toggle, toggleRun, visibleRows, windowOf, withAncestors, type Folding } from "./rows";
import { findRuns, type Runs } from "./runs";
import { rowsIn, sortRows, TABLE_ORDERS, toCsv } from "./span-table";
import { OPERATION_ORDERS, operationsOf, sortOperations } from "./statistics";
import { assembleTrace, summarize, type Trace } from "./trace";
import { rowKey, rowOfKey, viewFromUrl, viewToUrl, VIEWS, type TraceView } from "./trace-view";
import { merge } from "./merge";

const random = randomFrom(11);
const WILD = Array.from({ length: 200 }, () => wildSpans(random));
const TRACES: Trace[] = WILD.map((spans) => assembleTrace(spans));
const COLUMNS: TraceColumns[] = TRACES.map(columnsOf);
const rowsOf = (it: TraceColumns) => [...it.size.keys()].slice(it.headRow);
const sum = (values: Iterable<number>) => [...values].reduce((all, it) => all + it, 0);
const shuffled = <T>(list: readonly T[]) => list.map((it) => ({ it, at: random(1 << 20) })).sort((a, b) => a.at - b.at).map(({ it }) => it);

test("the wild ones are wild", () => {
  expect(TRACES.filter((it) => it.tree.rootless).length).toBeGreaterThan(10);
  expect(TRACES.filter((it) => it.bounds.startUs.some(Number.isNaN)).length).toBeGreaterThan(10);
  expect(TRACES.filter((it) => it.errorRows.length > 0).length).toBeGreaterThan(50);
});

describe("a trace", () => {
  test("is the same in whatever order its spans came, and however often", () => {
    WILD.forEach((spans, i) => {
      const again = columnsOf(assembleTrace(shuffled([...spans, ...spans.slice(0, 5)])));
      const ids = (it: TraceColumns) => rowsOf(it).map((row) => idAt(it, row)).sort();
      expect(ids(again)).toEqual(ids(COLUMNS[i]));
      expect([...again.own.services]).toEqual([...COLUMNS[i].own.services]);
      expect([again.spanCount, again.levels, again.rootless]).toEqual([COLUMNS[i].spanCount, COLUMNS[i].levels, COLUMNS[i].rootless]);
    });
  });
  test("leaves the spans as they were reported", () => {
    for (const spans of WILD) {
      const before = structuredClone(spans);
      merge([...spans, ...spans]);
      expect(spans).toEqual(before);
    }
  });
  test("has each subtree in one piece, one level below its parent", () => {
    for (const { parent, depth, size, headRow } of COLUMNS) {
      for (let row = headRow; row < size.length; row++) {
        expect(row + size[row]).toBeLessThanOrEqual(size.length);
        if (parent[row] < 0) continue;
        expect(depth[row]).toBe(depth[parent[row]] + 1);
        expect(row > parent[row] && row + size[row] <= parent[row] + size[parent[row]]).toBe(true);
      }
    }
  });
  test("begins at 0 and ends with the last of its spans", () => {
    for (const { bounds } of COLUMNS) {
      const known = [...bounds.startUs].filter((it) => !Number.isNaN(it));
      if (known.length === 0) continue;
      expect(Math.min(...known)).toBe(0);
      expect(bounds.extentUs).toBe(Math.max(0, ...[...bounds.endUs].filter((it) => !Number.isNaN(it))));
    }
  });
  test("is told in a list as on its page", () => {
    WILD.forEach((spans, i) => {
      const told = summarize(spans);
      expect([told.traceId, told.spanCount, told.errorCount, told.durationUs]).toEqual([COLUMNS[i].traceId, COLUMNS[i].spanCount, COLUMNS[i].errorRows.length, COLUMNS[i].own.durationUs]);
      expect(sum(told.own.map((it) => it.ownUs))).toBe(told.durationUs);
    });
  });
  test("knows each row by its id and by the key of its address", () => {
    for (const it of COLUMNS) {
      for (const row of rowsOf(it)) {
        expect(rowOfId(it, idAt(it, row), sameIdBefore(it, row) + 1)).toBe(row);
        expect(rowOfKey(it, rowKey(it, row))).toBe(row);
      }
    }
  });
});

describe("bars", () => {
  test("what is a span's own and what its children cover make the whole", () => {
    for (const { tree, bounds } of TRACES) {
      for (let row = 0; row < tree.spans.length; row++) {
        const stretches = selfStretches(tree, bounds, row);
        let covered = 0;
        // Microsecond by microsecond, as slowly as it is simple.
        for (let us = bounds.startUs[row]; us < bounds.endUs[row]; us++) {
          const busy = tree.spans.some((_, child) => child > row && tree.parent[child] === row && bounds.startUs[child] <= us && us < bounds.endUs[child]);
          if (busy) covered++;
        }
        expect(selfUs(stretches)).toBe(Math.max(0, bounds.endUs[row] - bounds.startUs[row] || 0) - covered);
        for (let i = 1; i < stretches.length; i++) expect(stretches[i]).toBeGreaterThan(stretches[i - 1]);
      }
    }
  });
  test("the rectangles cover all stretches, do not touch, and are few", () => {
    for (const { own } of COLUMNS) {
      for (const widthPx of [10, 400]) {
        const scale = (us: number) => (us / Math.max(1, own.durationUs)) * widthPx;
        for (let row = 0; row < own.count.length; row++) {
          const drawn = toPixels(own.stretches, own.first[row], own.count[row], scale);
          expect(drawn.length).toBeLessThanOrEqual(Math.min(own.count[row], 2 * widthPx + 1));
          const apart = 0.5 * (own.count[row] - drawn.length) + 1e-6;
          expect(sum(drawn.map(([left, right]) => right - left)), "only what touches is joined").toBeLessThanOrEqual(scale(own.ownUs[row]) + apart);
          for (let i = 0; i < own.count[row]; i++) {
            const [from, to] = [scale(own.stretches[own.first[row] + 2 * i]), scale(own.stretches[own.first[row] + 2 * i + 1])];
            expect(drawn.some(([left, right]) => left <= from && to <= right)).toBe(true);
          }
        }
      }
    }
  });
  test("a row with ten thousand stretches has no more rectangles than pixels, from either end", () => {
    const forward = Array.from({ length: 10_000 }, (_, i) => [10 * i, 10 * i + 5] as const);
    for (const pairs of [forward, forward.toReversed()]) expect(toPixels(pairs.flat(), 0, pairs.length, (us) => us / 1000).length).toBeLessThanOrEqual(100);
  });
  test("stretches that are apart on screen stay apart, from either end", () => {
    for (const pairs of [[0, 10, 20, 30], [20, 30, 0, 10]]) expect(toPixels(pairs, 0, 2, (us) => us)).toHaveLength(2);
  });
});

/** Row by row, with what hides each looked for above it. */
function visibleSlowly(it: TraceColumns, folding: Folding, runs: Runs | undefined): number[] {
  const collapsed = (row: number) => it.size[row] > 1 && it.depth[row] >= 0 && (folding.levels > 0 && it.depth[row] >= folding.levels - 1) !== folding.toggled.has(row);
  const hidden = (row: number) => [...(runs ?? [])].some(([first, run]) => first < row && row < run.end && !folding.unfolded.has(first));
  return rowsOf(it).filter((row) => {
    for (let up = it.parent[row]; up >= 0; up = it.parent[up]) if (collapsed(up)) return false;
    return !hidden(row);
  });
}

describe("rows", () => {
  const folded = (it: TraceColumns): Folding => {
    const some = () => new Set(rowsOf(it).filter(() => random(4) === 0));
    return { levels: random(5), toggled: some(), unfolded: some() };
  };
  test("shown are those that nothing hides", () => {
    for (const it of COLUMNS) {
      const folding = folded(it);
      const runs = findRuns(it, 2);
      expect([...visibleRows(it, folding, { root: -1 })]).toEqual(visibleSlowly(it, folding, undefined));
      expect([...visibleRows(it, folding, { root: -1, runs })]).toEqual(visibleSlowly(it, folding, runs));
    }
  });
  test("any can be revealed, and what was shown stays so", () => {
    for (const it of COLUMNS) {
      const folding = folded(it);
      const runs = findRuns(it, 2);
      const scope = { root: -1, runs };
      const row = rowsOf(it)[random(it.spanCount)];
      const after = visibleRows(it, reveal(it, folding, row, runs), scope);
      expect(indexOfRow(after, row)).toBeGreaterThanOrEqual(0);
      for (const shown of visibleRows(it, folding, scope)) {
        expect(indexOfRow(after, shown)).toBeGreaterThanOrEqual(0);
        expect(reveal(it, folding, shown, runs), "what is shown need not be revealed").toEqual(folding);
      }
    }
  });
  test("turned over twice, all is as before", () => {
    for (const it of COLUMNS) {
      const folding = folded(it);
      const row = rowsOf(it)[random(it.spanCount)];
      expect(toggle(toggle(folding, row), row)).toEqual(folding);
      expect(toggleRun(toggleRun(folding, row), row)).toEqual(folding);
    }
  });
  test("a filter shows what it wants, all above it and nothing else", () => {
    for (const it of COLUMNS) {
      const wanted = (row: number) => it.failed[row] === 1;
      const keep = withAncestors(it, wanted);
      const shown = new Set(visibleRows(it, OPEN, { root: -1, keep }));
      for (const row of rowsOf(it)) {
        const above = rowsOf(it).some((below) => wanted(below) && below >= row && below < row + it.size[row]);
        expect(shown.has(row)).toBe(above);
      }
    }
  });
  test("a window holds every row that touches the screen", () => {
    for (let round = 0; round < 300; round++) {
      const [count, top, height, spare] = [random(500), random(12_000) - 500, 1 + random(900), random(20)];
      const { from, to } = windowOf(count, 24, top, height, spare);
      expect(0 <= from && from <= to && to <= count).toBe(true);
      for (let row = 0; row < count; row++) if ((row + 1) * 24 > top && row * 24 < top + height) expect(from <= row && row < to).toBe(true);
    }
  });
  test("a row is found by halving as by looking at all", () => {
    const some = Int32Array.from(new Set(Array.from({ length: 60 }, () => random(100))).values()).sort();
    for (let row = -1; row <= 100; row++) expect(indexOfRow(some, row)).toBe(some.indexOf(row));
  });
});

describe("repeats", () => {
  test("what a run says is the sum of its rows, which are siblings of one operation", () => {
    let seen = 0;
    for (const it of COLUMNS) {
      for (const [first, run] of findRuns(it, 2)) {
        seen++;
        const inside = rowsOf(it).filter((row) => row >= first && row < run.end);
        const siblings = inside.filter((row) => it.parent[row] === it.parent[first]);
        const lengths = siblings.map((row) => lengthOf(it, row) ?? 0);
        expect(run).toEqual({ count: siblings.length, end: first + sum(siblings.map((row) => it.size[row])), sumUs: sum(lengths), longestUs: Math.max(...lengths), ownUs: sum(inside.map((row) => it.own.ownUs[row])), errors: sum(inside.map((row) => it.failed[row])) });
        for (const row of siblings) expect([textAt(it.service, row), textAt(it.name, row)]).toEqual([textAt(it.service, first), textAt(it.name, first)]);
      }
    }
    expect(seen).toBeGreaterThan(20);
  });
});

describe("icicle", () => {
  test("each span with a time has a place below its parent, and nothing lies over another", () => {
    for (const it of COLUMNS) {
      const { lane, lanes } = layIcicle(it);
      const { startUs, endUs } = it.bounds;
      for (const row of rowsOf(it)) {
        expect(lane[row] >= 0).toBe(!Number.isNaN(startUs[row]));
        if (lane[row] >= 0 && it.parent[row] >= it.headRow) expect(lane[row]).toBeGreaterThan(lane[it.parent[row]]);
      }
      for (const rows of lanes) for (let i = 1; i < rows.length; i++) expect(startUs[rows[i]]).toBeGreaterThanOrEqual(endUs[rows[i - 1]]);
    }
  });
  test("any span is under the pointer at its middle, and is drawn when its end is in view", () => {
    for (const it of COLUMNS) {
      const { lane, lanes } = layIcicle(it);
      for (const row of rowsOf(it).filter((at) => lane[at] >= 0 && it.bounds.endUs[at] > it.bounds.startUs[at])) {
        const rows = lanes[lane[row]];
        expect(rowAt(it, rows, (it.bounds.startUs[row] + it.bounds.endUs[row]) / 2, 0)).toBe(row);
        expect(firstInView(rows, it.bounds.startUs, it.bounds.endUs[row])).toBeLessThanOrEqual(Math.max(rows.indexOf(row), 0) + 1);
      }
    }
  });
});

describe("sums", () => {
  test("operations hold every call, every error and all own time but that of nobody", () => {
    for (const it of COLUMNS) {
      const all = operationsOf(it);
      expect(sum(all.map((one) => one.calls))).toBe(it.spanCount);
      expect(sum(all.map((one) => one.errors))).toBe(it.errorRows.length);
      expect(sum(all.map((one) => one.ownUs))).toBe(it.own.durationUs - (it.rootless ? it.own.ownUs[0] : 0));
      for (const one of all) {
        const lengths = rowsOf(it).filter((row) => textAt(it.service, row) === one.service && textAt(it.name, row) === one.name).map((row) => lengthOf(it, row)).filter((us) => us !== undefined);
        expect(one.meanUs).toBeCloseTo(sum(lengths) / Math.max(1, lengths.length), 6);
        expect(lengthOf(it, one.longestRow) ?? 0).toBe(one.longestUs);
        expect([textAt(it.service, one.longestRow), textAt(it.name, one.longestRow)]).toEqual([one.service, one.name]);
      }
    }
  });
  test.each(OPERATION_ORDERS)("by %s, nothing is lost and the order does not depend on the one before", (order) => {
    for (const it of COLUMNS.slice(0, 40)) {
      const all = operationsOf(it);
      const sorted = sortOperations(all, order);
      expect(sortOperations(shuffled(all), order)).toEqual(sorted);
      expect(new Set(sorted)).toEqual(new Set(all));
    }
  });
  test.each(TABLE_ORDERS)("rows by %s are all rows, and the same from any order", (order) => {
    for (const it of COLUMNS.slice(0, 40)) {
      const rows = rowsIn(it, -1, () => true);
      const sorted = sortRows(it, rows, order);
      expect([...sorted].sort((a, b) => a - b)).toEqual([...rows]);
      expect(sortRows(it, Int32Array.from(shuffled([...rows])), order)).toEqual(sorted);
    }
  });
  test("calls between services: every link is one of the trace, none leads to itself", () => {
    for (const it of COLUMNS) {
      const crossing = rowsOf(it).filter((row) => it.parent[row] >= it.headRow && textAt(it.service, row) !== textAt(it.service, it.parent[row]));
      const links = linksOfTrace(it);
      expect(sum(links.map((one) => one.callCount))).toBe(crossing.length);
      for (const one of links) expect([one.parent === one.child, (one.errorCount ?? 0) <= one.callCount]).toEqual([false, true]);
    }
  });
});

describe("CSV", () => {
  /** As RFC 4180 has it. */
  const parse = (text: string) => [...text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(,|\r\n)/g)].reduce<string[][]>((lines, [, cell, end]) => {
    lines[lines.length - 1].push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end !== ",") lines.push([]);
    return lines;
  }, [[]]).slice(0, -1);
  test("any text comes back, defused where a spreadsheet would run it", () => {
    const names = ["plain", 'a "quoted" one', "a,b", "two\nlines", "back\r\nand forth", "=1+1", "+1", "-1", "@x", "\tx", '="a","b"', "日本語", ""];
    const made = columnsOf(assembleTrace([span("1", undefined, "web", 0, 99), ...names.map((name, i) => span(`a${i.toString(16)}`, "1", "db", i, i + 1, { name }))]));
    const lines = parse(toCsv(made, rowsIn(made, -1, (row) => row > 0)));
    expect(lines.map((it) => it.length)).toEqual(lines.map(() => 9));
    expect(lines.slice(1).map((it) => it[2].replace(/^'/, ""))).toEqual(names);
    for (const line of lines) for (const cell of line) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
  });
  test("numbers are those of the trace, empty where none is known", () => {
    for (const it of COLUMNS.slice(0, 40)) {
      const [, ...lines] = parse(toCsv(it, rowsIn(it, -1, () => true)));
      expect(lines.map((line) => line[0])).toEqual(rowsOf(it).map((row) => idAt(it, row)));
      expect(lines.map((line) => line[6])).toEqual(rowsOf(it).map((row) => String(lengthOf(it, row) ?? "")));
    }
  });
});

describe("two traces", () => {
  const PAIRS = COLUMNS.slice(1).map((it, i) => [COLUMNS[i], it] as const);
  test("every row of both is there once, below the pair above it", () => {
    for (const [a, b] of PAIRS) {
      const pairs = alignTraces(a, b);
      if (!a.rootless && !b.rootless) expect(pairs[0], "roots are one whatever they are called").toEqual({ a: 0, b: 0, depth: 0 });
      expect(pairs.filter((it) => it.a >= 0).map((it) => it.a).sort((x, y) => x - y)).toEqual(rowsOf(a));
      expect(pairs.filter((it) => it.b >= 0).map((it) => it.b).sort((x, y) => x - y)).toEqual(rowsOf(b));
      for (const it of pairs) for (const [trace, row] of [[a, it.a], [b, it.b]] as const) if (row >= 0) expect(it.depth).toBe(trace.depth[row]);
    }
  });
  test("their own times differ by what the traces differ, but for the time of nobody", () => {
    const nobodys = (it: TraceColumns) => (it.rootless ? it.own.ownUs[0] : 0);
    for (const [a, b] of PAIRS) {
      const difference = a.own.durationUs - nobodys(a) - (b.own.durationUs - nobodys(b));
      expect(sum(alignTraces(a, b).map((it) => deltaOf(a, b, it).ownUs))).toBe(difference);
    }
  });
  test("the other way round is the same with the sign turned", () => {
    for (const [a, b] of PAIRS) {
      const turned = alignTraces(b, a).map((it) => `${it.b} ${it.a} ${-deltaOf(b, a, it).ownUs + 0}`).sort();
      expect(alignTraces(a, b).map((it) => `${it.a} ${it.b} ${deltaOf(a, b, it).ownUs}`).sort()).toEqual(turned);
      expect(mainCause(b, a, alignTraces(b, a))?.ownUs ?? 0).toBe(0 - (mainCause(a, b, alignTraces(a, b))?.ownUs ?? 0));
    }
  });
  test("a trace does not differ from itself", () => {
    for (const it of COLUMNS) {
      const pairs = alignTraces(it, it);
      expect(pairs.every((one) => one.a === one.b)).toBe(true);
      expect(onlyDifferent(it, it, pairs, 1).every((one) => one.depth === 0)).toBe(true);
    }
  });
  test("two that wait for a root are compared span by span", () => {
    const a = columnsOf(assembleTrace([span("2", "1", "web", 0, 9, { name: "x" }), span("3", "1", "db", 3, 9, { name: "y" })]));
    const b = columnsOf(assembleTrace([span("5", "4", "db", 0, 9, { name: "y" })]));
    expect(alignTraces(a, b)).toEqual([{ a: 1, b: -1, depth: 0 }, { a: 2, b: 1, depth: 0 }]);
    expect(alignTraces(b, b)).toEqual([{ a: 1, b: 1, depth: 0 }]);
  });
  test("what is kept is what differs and the way to it", () => {
    for (const [a, b] of PAIRS) {
      const pairs = alignTraces(a, b);
      const kept = onlyDifferent(a, b, pairs, 50);
      for (const it of pairs) if (Math.abs(deltaOf(a, b, it).ownUs) >= 50) expect(kept).toContain(it);
      kept.forEach((it, i) => expect(it.depth <= (kept[i - 1]?.depth ?? -1) + 1).toBe(true));
    }
  });
});

describe("find", () => {
  test("what contains a text and what does not are all rows", () => {
    for (const { tree, spanCount } of TRACES) {
      for (const text of ["a", "op 1", "error=", "00f"]) {
        const [yes, no] = [findRows(tree, text), findRows(tree, `-${text}`)];
        expect(yes.length + no.length).toBe(spanCount);
        expect(yes.filter((row) => no.includes(row))).toEqual([]);
      }
    }
  });
});

test("any view of any trace comes back from its address", () => {
  for (const it of COLUMNS) {
    const some = (of: number) => new Set(rowsOf(it).filter(() => random(of) === 0).slice(0, 60));
    const row = () => rowsOf(it)[random(it.spanCount)];
    const from = random(1000);
    const view: TraceView = {
      view: VIEWS[random(VIEWS.length)], selected: random(2) ? row() : undefined, zoom: random(2) ? { fromUs: from, toUs: from + 1 + random(500) } : undefined,
      find: ["", "a=b & c", "日本 #1", "-x,y"][random(4)], onlyMatches: random(2) === 0, services: it.services.filter(() => random(2) === 0), onlyPath: random(2) === 0,
      root: random(2) ? row() : -1, folding: { levels: random(4), toggled: some(3), unfolded: some(5) }, rawTimes: random(2) === 0,
    };
    expect(viewFromUrl(it, new URLSearchParams(viewToUrl(it, view).toString()))).toEqual(view);
  }
});
