//! Uses the page as people do, in Chromium, on the real server at SPANLET_URL, which must be running and empty.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { DESK, openPage, PHONE, serverUrl } from "./browser.mjs";
import { addressSays, api, browser, checkAccess, checkWidth, detail, eventually, on, param, queryLine, rowOf, tracePath, traces, waterfall } from "./kit.mjs";
import { checkout, post, shop } from "./traces.mjs";

const nowMs = Date.now();
const slow = checkout(nowMs * 100 + 98, nowMs - 20_000, { slowMs: 880, failing: true });
const skewed = checkout(nowMs * 100 + 99, nowMs - 10_000, { slowMs: 30, skewMs: -52 });
before(() => post(serverUrl, [...shop(nowMs - 60_000), slow, skewed]));

test("an empty server says how to send the first span, and the page goes on by itself when it comes", async () => {
  const { page, close } = await openPage(browser, "/zipkin/traces/1");
  let empty = true;
  await page.route(/api\/v2\/services/, (route) => (empty ? route.fulfill({ json: [] }) : route.continue()));
  await page.route(/spanlet\/v1\/traces\?/, (route) => (empty ? route.fulfill({ json: { traces: [], next: null } }) : route.continue()));
  await page.goto(new URL("/zipkin/", serverUrl).href);
  await page.getByRole("heading", { name: "No spans yet" }).waitFor();
  const code = page.getByRole("tabpanel");
  const host = new URL(serverUrl).hostname;
  await eventually(async () => assert.equal(await code.innerText(), `from eventlet.zipkin import patcher\npatcher.enable_trace_patch(host='${host}', port=9410)`));
  await page.getByRole("tab", { name: "curl" }).click();
  await eventually(async () => assert.match(await code.innerText(), new RegExp(`curl -s ${serverUrl.replace(/\/$/, "")}/api/v2/spans`)));
  await checkAccess(page);
  empty = false;
  await traces(page).waitFor();
  await close();
});

test("from a search by service and duration to the service that took longest", () =>
  on("/zipkin/", async (page) => {
    await queryLine(page).fill("service=payment duration>800ms");
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await page.waitForFunction(() => document.querySelectorAll('[role="table"] a').length === 1);
    await addressSays(page, "serviceName", "payment");
    await addressSays(page, "minDuration", "800ms");
    await traces(page).getByRole("link").click();
    await waterfall(page).waitFor();
    assert.equal(new URL(page.url()).pathname, tracePath(slow));

    const spans = await api(`trace/${slow.traceId}`);
    assert.equal(spans.length, slow.spans.length, "the server has all of the trace");
    const parents = new Set(spans.map((span) => span.parentId));
    const leaves = spans.filter((span) => !parents.has(span.id));
    const longest = leaves.reduce((most, span) => (span.duration > most.duration ? span : most));
    const strip = page.getByRole("region", { name: "Own time by service" });
    await eventually(async () => assert.equal(await strip.getByRole("listitem").first().getAttribute("data-service"), longest.localEndpoint.serviceName));
    const own = await strip.locator("[data-own-us]").evaluateAll((all) => all.map((it) => Number(it.dataset.ownUs)));
    const root = spans.find((span) => !span.parentId);
    assert.equal(own.reduce((sum, us) => sum + us, 0), root.duration, "the parts add up to the root");
    assert.ok(own[0] >= longest.duration);
    const row = rowOf(page, longest.name);
    await eventually(async () => assert.match(await row.innerText(), new RegExp(`${Math.round(longest.duration / 1000)}\\s*ms`)));
    await page.goBack();
    await page.getByRole("list", { name: "Conditions" }).waitFor({ state: "attached" });
    await eventually(async () => assert.deepEqual(await page.locator(".chip .text").allInnerTexts(), ["service=payment", "duration>800ms"], "back leads to the same search"));
  }));

test("the trace box opens an id and a pasted header, and says when there is none in it", () =>
  on("/zipkin/", async (page) => {
    const box = page.getByLabel("Trace id or header");
    await box.waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("checkout");
    await eventually(async () => assert.equal(await box.inputValue(), "checkout"));
    await box.press("Enter");
    await page.getByText("No trace id in that").waitFor();
    await box.fill("Payment");
    await box.press("Enter");
    await addressSays(page, "serviceName", "payment");
    const span = slow.spans[1].id;
    await box.fill(`traceparent: 00-${slow.traceId}-${span}-01`);
    await box.press("Enter");
    await waterfall(page).waitFor();
    assert.equal(new URL(page.url()).pathname, tracePath(slow));
    assert.equal(param(page, "span"), span);
  }));

/** Every page and state: what to open, and what to wait for. */
const other = checkout(nowMs * 100 + 95, nowMs - 30_000);
before(() => post(serverUrl, [other]));
const PAGES = [
  ["search", "/zipkin/?limit=100", (page) => traces(page).waitFor()],
  ["nothing found", "/zipkin/?serviceName=front&minDuration=90s", (page) => page.getByRole("heading", { name: "No trace matches" }).waitFor()],
  ["span", `${tracePath(slow)}?span=${slow.spans.at(-2).id}&q=mail`, (page) => detail(page).waitFor()],
  ["icicle", `${tracePath(slow)}?view=icicle`, (page) => page.getByRole("group", { name: "Icicle" }).waitFor()],
  ["statistics", `${tracePath(slow)}?view=statistics`, (page) => page.getByText("these 15 sum to").waitFor()],
  ["span table", `${tracePath(slow)}?view=table`, (page) => page.getByRole("table", { name: "Span table" }).waitFor()],
  ["trace map", `${tracePath(slow)}?view=map`, (page) => page.getByRole("group", { name: "Graph of services" }).waitFor()],
  ["dependencies", "/zipkin/dependency?service=front", (page) => page.getByRole("complementary", { name: "Service" }).waitFor()],
  ["dependency table", "/zipkin/dependency?view=table", (page) => page.getByRole("table").waitFor()],
  ["comparison", `/zipkin/compare?a=${slow.traceId}&b=${other.traceId}`, (page) => page.getByRole("table", { name: "Both traces" }).waitFor()],
  ["comparison of nothing", "/zipkin/compare", (page) => page.getByLabel("Trace A").waitFor()],
  ["upload", "/zipkin/traceViewer", (page) => page.getByRole("heading", { name: "Open a trace from a file" }).waitFor()],
  ["keys", tracePath(slow), async (page) => {
    await waterfall(page).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  }],
];
for (const [name, path, ready] of PAGES) {
  test(`${name}: accessible in both themes, and no wider than a phone`, async () => {
    const look = async (page) => {
      await ready(page);
      await checkAccess(page);
      await checkWidth(page);
    };
    await on(path, look, { theme: "light" });
    await on(path, look, { theme: "dark" });
    await on(path, look, { viewport: { width: 360, height: 740 }, touch: true });
  });
}

test("a phone has filters, the menu and details as sheets", async () => {
  const options = { viewport: PHONE, touch: true };
  await on("/zipkin/", async (page) => {
    await traces(page).waitFor();
    await page.getByRole("button", { name: "Filters" }).click();
    await page.getByRole("complementary", { name: "What these traces have in common" }).waitFor();
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("navigation", { name: "Menu" }).getByRole("link", { name: "Dependencies" }).click();
    await page.getByRole("group", { name: "Graph of services" }).waitFor();
  }, options);
  await on(tracePath(slow), async (page) => {
    await waterfall(page).waitFor();
    await rowOf(page, "parse body").tap();
    const sheet = detail(page);
    await sheet.waitFor();
    await eventually(async () => {
      const box = await sheet.boundingBox();
      assert.ok(box.x === 0 && box.width === PHONE.width && box.y > PHONE.height / 2);
    });
  }, options);
});

test("theme and time zone are kept", () =>
  on("/zipkin/", async (page) => {
    await traces(page).waitFor();
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByRole("button", { name: "Theme: system" }).click();
    await page.getByRole("button", { name: "Theme: light" }).click();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    const dark = await eventually(async () => {
      const now = await ground();
      assert.notEqual(now, light);
      return now;
    });
    await page.getByRole("button", { name: "Times in local time" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Times in UTC" }).waitFor();
    await eventually(async () => assert.equal(await ground(), dark));
  }, { viewport: DESK }));
