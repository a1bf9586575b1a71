//! What the browser tests share: a page under watch, checks of access and width, and where things are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { launch, openPage, serverUrl } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Opens a page, lets `use` work with it, and holds it to silence: no error, no breach of the policy, no foreign request. */
export async function on(path, use, options) {
  const { page, complaints, close } = await openPage(browser, path, options);
  try {
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

export const api = async (path) => (await fetch(new URL(`/api/v2/${path}`, serverUrl))).json();
export const waterfall = (page) => page.getByRole("treegrid", { name: "Spans" });
export const rowOf = (page, name) => waterfall(page).getByRole("row").filter({ hasText: name });
export const traces = (page) => page.getByRole("table", { name: "Traces" });
export const detail = (page) => page.getByRole("complementary", { name: "Span" });
export const queryLine = (page) => page.getByRole("combobox", { name: "Add a condition" });
export const param = (page, name) => new URL(page.url()).searchParams.get(name);
export const tracePath = (trace) => `/zipkin/traces/${trace.traceId}`;
/** The address follows what is on screen a moment later. */
export const addressSays = (page, name, value) => page.waitForFunction(([key, wanted]) => new URL(location.href).searchParams.get(key) === wanted, [name, value]);

export async function checkAccess(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`), []);
}

export async function checkWidth(page) {
  const { wide, screen } = await page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll("main")];
    return { wide: Math.max(...boxes.map((box) => box.scrollWidth)), screen: window.innerWidth };
  });
  assert.ok(wide <= screen, `${wide} px of content on a screen of ${screen} px`);
}

/** Answers `config.json` otherwise: the rest is Zipkin's default. */
export function configure(page, config) {
  return page.route("**/zipkin/config.json", (route) => route.fulfill({ json: config }));
}
