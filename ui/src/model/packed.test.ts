//! Reads the bytes that the server makes, and holds them against what the page works out by itself.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { columnsOf, idAt, rowOfId, sameIdBefore, textAt, type TraceColumns } from "./columns";
import { readColumns } from "./packed";
import type { Span } from "./span";
import { assembleTrace } from "./trace";

const golden = JSON.parse(readFileSync(fileURLToPath(new URL("../../../testdata/columns/shop.json", import.meta.url)), "utf8")) as { spans: Span[]; columns: string };
const bytes = () => new Uint8Array(Buffer.from(golden.columns, "hex")).buffer;
const rowsOf = (it: TraceColumns) => [...it.size.keys()];
const stretchesOf = ({ own }: TraceColumns, row: number) => [...own.stretches.subarray(own.first[row], own.first[row] + 2 * own.count[row])];

describe("columns of the server", () => {
  const sent = readColumns(bytes());
  const made = columnsOf(assembleTrace(golden.spans));
  test.each(["parent", "depth", "size", "errorRows", "failed", "ids"] as const)("%s", (name) => expect([...sent[name]]).toEqual([...made[name]]));
  test.each(["startUs", "endUs"] as const)("%s", (name) => expect([...sent.bounds[name]]).toEqual([...made.bounds[name]]));
  test.each(["service", "remote", "name", "path", "kind", "spanName"] as const)("%s", (name) => {
    expect(rowsOf(sent).map((row) => textAt(sent[name], row))).toEqual(rowsOf(made).map((row) => textAt(made[name], row)));
  });
  test("own time", () => {
    for (const name of ["ownUs", "onPath", "network", "count"] as const) expect([...sent.own[name]], name).toEqual([...made.own[name]]);
    expect(sent.own.services).toEqual(made.own.services);
    expect(sent.own.durationUs).toBe(made.own.durationUs);
    for (const row of rowsOf(sent)) expect(stretchesOf(sent, row)).toEqual(stretchesOf(made, row));
  });
  test.each(["traceId", "rootless", "orphans", "unreached", "headRow", "spanCount", "levels"] as const)("%s", (name) => expect(sent[name]).toEqual(made[name]));
  test("what is said of the whole", () => {
    expect(sent.skews).toEqual(made.skews);
    expect(sent.skews.length).toBeGreaterThan(0);
    expect([sent.bounds.baseUs, sent.bounds.extentUs]).toEqual([made.bounds.baseUs, made.bounds.extentUs]);
    expect([...sent.services].sort()).toEqual([...made.services].sort());
  });
  test("rows are found by their ids", () => {
    for (const row of rowsOf(sent)) expect(rowOfId(sent, idAt(sent, row), sameIdBefore(sent, row) + 1)).toBe(row);
  });
});

test("other bytes are refused", () => {
  const other = bytes();
  new Uint8Array(other)[7] = 50;
  expect(() => readColumns(other)).toThrow("no columns");
});
