//! What the browser tests share: a page under watch, checks of access and width, and where things are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { DEADLINE_MS, launch, openPage, serverUrl } from "./browser.mjs";

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

/** Repeats what reads and asserts until it holds: what a page shows comes a moment after what was done to it. */
export async function eventually(check) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
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
/** So many rows the grid has, of which it shows those on screen; its head is not one of them. */
export const rowsAre = (page, count) => page.waitForFunction((wanted) => document.querySelector('[role="treegrid"]')?.getAttribute("aria-rowcount") === wanted, String(count + 1));

/** Where it is, once it is there and stands still. */
export async function boxOf(locator) {
  await locator.hover({ trial: true });
  return locator.boundingBox();
}

/** Presses the mouse on one point of it and lets go on another; points are shares of its width, and pixels from its top. */
export async function drag(page, locator, [fromShare, fromPx], [toShare, toPx]) {
  const box = await boxOf(locator);
  await page.mouse.move(box.x + box.width * fromShare, box.y + fromPx);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * toShare, box.y + toPx, { steps: 4 });
  await page.mouse.up();
}

export async function checkAccess(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`), []);
}

export async function checkWidth(page) {
  await eventually(async () => {
    const { wide, screen } = await page.evaluate(() => {
      const boxes = [document.documentElement, ...document.querySelectorAll("main")];
      return { wide: Math.max(...boxes.map((box) => box.scrollWidth)), screen: window.innerWidth };
    });
    assert.ok(wide <= screen, `${wide} px of content on a screen of ${screen} px`);
  });
}

/** Answers `config.json` otherwise: the rest is Zipkin's default. */
export function configure(page, config) {
  return page.route("**/zipkin/config.json", (route) => route.fulfill({ json: config }));
}
