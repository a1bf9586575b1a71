//! Every text of the page is there in every language, with the same things to fill in.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LOOKBACKS } from "../model/search-query";
import { bestLanguage, t, tn } from "./words.svelte";
import zh from "./zh";

const SOURCE = join(import.meta.dirname, "..");
const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((it) => /\.(svelte|ts)$/.test(it) && !/\.test\.ts$|^words/.test(it));

/** The texts given to `t` and `tn`, and the sentences that models and the API hand up to be said. */
function textsOf(source: string): string[] {
  const said = [...source.matchAll(/\bt\("((?:[^"\\]|\\.)*)"/g)].map((it) => it[1]);
  const counted = [...source.matchAll(/\btn\([^"]*"([^"]*)", "([^"]*)"/g)].flatMap((it) => [it[1], it[2]]);
  const sentences = [...source.matchAll(/(?:problem|minDuration|maxDuration|range|example)\w*(?::| =) "([A-Z][^"]*\.)"/g)].map((it) => it[1]);
  const errors = [...source.matchAll(/new (?:NoTrace|ApiError)\((?:[^"()]*, )?"([^"]*)"\)/g)].map((it) => it[1]);
  return [...said, ...counted, ...sentences, ...errors];
}
const texts = new Set([...files.flatMap((file) => textsOf(readFileSync(join(SOURCE, file), "utf8"))), ...LOOKBACKS.map((it) => it.label), "light", "dark", "system"]);
const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((it) => it[0]).sort();

describe("Chinese", () => {
  test("has every text", () => expect([...texts].filter((text) => !(text in zh))).toEqual([]));
  test("has none that is not said any more", () => expect(Object.keys(zh).filter((text) => !texts.has(text))).toEqual([]));
  test.each(Object.entries(zh))("%j has the same holes", (english, chinese) => expect(holes(chinese)).toEqual(holes(english)));
});

test("texts are filled, once and as text", () => {
  expect(t("{a} and {b}", { a: "{b}", b: 2 })).toBe("{b} and 2");
  expect(t("{a} and {b}", { a: 1 })).toBe("1 and {b}");
  expect([tn(1, "1 span", "{n} spans"), tn(2, "1 span", "{n} spans"), tn(1234, "1 span", "{n} spans", "1,234")]).toEqual(["1 span", "2 spans", "1,234 spans"]);
});

test("the first language of a browser that is there", () => {
  expect([bestLanguage(["fr-FR", "zh-TW", "en"]), bestLanguage(["en-GB", "zh"]), bestLanguage(["fr"]), bestLanguage([])]).toEqual(["zh", "en", "en", "en"]);
});
