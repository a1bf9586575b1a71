//! Dependencies, comparison and files, in Chromium, on the server at SPANLET_URL.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { openPage, serverUrl } from "./browser.mjs";
import { addressSays, browser, checkAccess, detail, eventually, on, param, waterfall } from "./kit.mjs";
import { checkout, post } from "./traces.mjs";

const nowMs = Date.now();
const slow = checkout(nowMs * 100 + 68, nowMs - 20_000, { slowMs: 480, failing: true });
const fast = checkout(nowMs * 100 + 69, nowMs - 30_000, { slowMs: 4 });
before(() => post(serverUrl, [slow, fast]));
/** The server says how long calls took; Zipkin knows only how many there were. */
const DEPENDENCIES = /\/api\/(v2|spanlet\/v1)\/dependencies\?/;
const graph = (page) => page.getByRole("group", { name: "Graph of services" });
const panel = (page, name = "Service") => page.getByRole("complementary", { name });

test("a service in focus shows who calls it and what it calls, and leads to traces", () =>
  on("/zipkin/dependency", async (page) => {
    await graph(page).getByRole("button", { name: /^payment \d/ }).click();
    await addressSays(page, "service", "payment");
    await panel(page).getByRole("heading", { name: "payment" }).waitFor();
    await graph(page).getByRole("button", { name: /^mail \d/ }).waitFor({ state: "detached" }); // One hop away only.
    await page.getByRole("radio", { name: "All" }).click();
    await addressSays(page, "hops", "0");
    await graph(page).getByRole("button", { name: /^mail \d/ }).waitFor();
    await graph(page).getByRole("button", { name: /^front calls mail/ }).click();
    await panel(page, "Call").getByRole("link", { name: "Those with errors" }).waitFor();
    const href = new URL(await panel(page, "Call").getByRole("link", { name: "Traces of these calls" }).getAttribute("href"), serverUrl);
    assert.deepEqual([href.searchParams.get("serviceName"), href.searchParams.get("remoteServiceName")], ["front", "mail"]);
    await page.keyboard.press("Escape");
    await panel(page).waitFor();
    await page.goBack();
    await addressSays(page, "hops", null);
  }));

test("the table has all calls, and old links with their times work", () =>
  on(`/zipkin/dependency?startTime=${nowMs - 3_600_000}&endTime=${nowMs + 1000}&view=table`, async (page) => {
    const rows = page.getByRole("table").getByRole("row");
    const links = await (await fetch(new URL(`/api/v2/dependencies?endTs=${nowMs + 1000}&lookback=3601000`, serverUrl))).json();
    await rows.nth(1).waitFor();
    await eventually(async () => assert.equal(await rows.count(), links.length + 1));
    await page.getByRole("button", { name: "Errors" }).click();
    await eventually(async () => assert.match(await rows.nth(1).innerText(), /mail/));
  }));

/** `count` services in layers, each calling two or three of the next. */
function mesh(count) {
  const name = (i) => `service-${String(i).padStart(3, "0")}`;
  return Array.from({ length: count * 2 }, (_, i) => ({ parent: name((i * 7) % count), child: name((i * 7 + 1 + ((i * 13) % 29)) % count), callCount: 1 + ((i * 97) % 5000), errorCount: i % 11 === 0 ? 3 : 0 }));
}

test("200 services: boxes apart, names readable, one in focus at hand", async () => {
  const { page, complaints, close } = await openPage(browser, "/zipkin/traces/1");
  complaints.length = 0;
  await page.route(DEPENDENCIES, (route) => route.fulfill({ json: mesh(200) }));
  await page.goto(new URL("/zipkin/dependency", serverUrl).href);
  await graph(page).getByRole("button", { name: "service-000" }).waitFor();
  const boxes = await page.locator(".node").evaluateAll((all) => all.map((it) => it.getBoundingClientRect().toJSON()));
  assert.equal(boxes.length, 200);
  for (const [i, a] of boxes.entries()) {
    assert.ok(a.height >= 16, `${a.height} px`);
    for (const b of boxes.slice(0, i)) assert.ok(a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top, "two boxes overlap");
  }
  await page.getByLabel("Focus on a service").fill("service-100");
  await page.keyboard.press("Enter");
  await addressSays(page, "service", "service-100");
  await eventually(async () => {
    const focus = await page.locator(".node.focus").boundingBox();
    assert.ok(focus.x > 0 && focus.y > 80 && focus.x + focus.width < 1440, "it is on screen");
  });
  await checkAccess(page);
  assert.deepEqual(complaints, []);
  await close();
});

test("calls have their latency where the server knows it, and are there without", async () => {
  const { page, close } = await openPage(browser, "/zipkin/traces/1");
  await page.route(/\/api\/spanlet\/v1\/dependencies\?/, (route) => route.fulfill({ json: [{ parent: "front", child: "mail", callCount: 9, errorCount: 3, p50: 2000, p95: 70_000, p99: 90_000 }, { parent: "front", child: "cart", callCount: 20, p95: null }] }));
  await page.goto(new URL("/zipkin/dependency?view=table", serverUrl).href);
  await page.getByRole("table").getByRole("button", { name: "p95" }).click();
  await eventually(async () => assert.match(await page.getByRole("table").getByRole("row").nth(1).innerText(), /mail\s+9\s+33 %\s+70\.0 ms/));
  await page.goto(new URL("/zipkin/dependency", serverUrl).href);
  await graph(page).getByRole("button", { name: /^front calls mail/ }).click();
  await panel(page, "Call").getByText("Half took up to 2.00 ms, 99 of 100 up to 90.0 ms.").waitFor();
  await page.unroute(/\/api\/spanlet\/v1\/dependencies\?/);
  await page.route(/\/api\/spanlet\/v1\/dependencies\?/, (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto(new URL("/zipkin/dependency?view=table", serverUrl).href);
  await page.getByRole("table").getByRole("row").nth(1).waitFor();
  assert.equal(await page.getByRole("table").getByRole("button", { name: "p95" }).count(), 0);
  await close();
});

test("no dependencies and a failing server are told apart", async () => {
  const { page, close } = await openPage(browser, "/zipkin/traces/1");
  let answer = (route) => route.fulfill({ json: [] });
  await page.route(DEPENDENCIES, (route) => answer(route));
  await page.goto(new URL("/zipkin/dependency", serverUrl).href);
  await page.getByText("No service called another in this time.").waitFor();
  answer = (route) => route.fulfill({ status: 500, body: "no index" });
  await page.getByRole("button", { name: "Look at the last 7 days" }).click();
  await page.getByText("no index").waitFor();
  answer = (route) => route.continue();
  await page.getByRole("button", { name: "Try again" }).click();
  await graph(page).waitFor();
  await close();
});

test("two traces as one tree: what differs, by how much, and the tags of it", () =>
  on(`/zipkin/compare?a=${slow.traceId}&b=${fast.traceId}`, async (page) => {
    await page.getByText("A took 476.0 ms longer.").waitFor();
    await page.getByText("holds 476.0 ms of it.").waitFor();
    const table = page.getByRole("table", { name: "Both traces" });
    const lock = table.getByRole("row").filter({ hasText: "lock wait" });
    await eventually(async () => assert.match(await lock.innerText(), /481\.0\s+5\.0\s+\+476\.0\s+\+476\.0/));
    await lock.getByRole("button").click();
    await page.getByRole("region", { name: "Tags that differ" }).getByRole("row", { name: "db.lock.waiters 24 0" }).waitFor();
    await page.getByLabel("Hide differences under 1 ms").check();
    await addressSays(page, "least", "1ms");
    await page.waitForFunction(() => document.querySelector('[role="table"]')?.getAttribute("aria-rowcount") === "6");
    await page.getByRole("link", { name: "Swap A and B" }).click();
    await page.getByText("A took 476.0 ms less.").waitFor();
    await addressSays(page, "a", fast.traceId);
  }));

test("one trace to compare asks for the other", () =>
  on(`/zipkin/compare?a=${slow.traceId}`, async (page) => {
    await page.getByText("No trace chosen").waitFor();
    await page.getByLabel("Trace B").fill("checkout");
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await page.getByText("No trace id in that.").waitFor();
    await page.getByLabel("Trace B").fill(fast.traceId);
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await page.getByRole("table", { name: "Both traces" }).waitFor();
  }));

const file = (name, content) => ({ name, mimeType: "application/json", buffer: Buffer.from(typeof content === "string" ? content : JSON.stringify(content)) });

test("a trace from a file is shown, linked within, and comes out again; nothing is sent", async () => {
  const { page, complaints, close } = await openPage(browser, "/zipkin/traceViewer");
  const sent = [];
  page.on("request", (request) => sent.push(`${request.method()} ${new URL(request.url()).pathname}`));
  await page.getByLabel("Choose a file").setInputFiles(file("wrong.json", "{}"));
  await page.getByRole("alert").getByText("A trace is a list of spans; this is none.").waitFor();
  await page.getByLabel("Choose a file").setInputFiles(file("trace.json", slow.spans));
  await waterfall(page).waitFor();
  assert.equal(new URL(page.url()).pathname, "/zipkin/traceViewer");
  await page.getByText("lock wait").click();
  await detail(page).getByRole("heading", { name: "lock wait" }).waitFor();
  await addressSays(page, "span", slow.spans.find((span) => span.name === "lock wait").id);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "JSON", exact: true }).click();
  const spans = JSON.parse(readFileSync(await (await download).path(), "utf8"));
  assert.deepEqual(spans, JSON.parse(JSON.stringify(slow.spans)));
  assert.deepEqual(sent.filter((it) => !it.startsWith("GET /zipkin/assets/")), []);
  assert.deepEqual(complaints, []);
  await close();
});

test("files of OpenTelemetry and Jaeger are traces too", () =>
  on("/zipkin/traceViewer", async (page) => {
    const otlp = { traceId: slow.traceId, spanId: "1".repeat(16), name: "from otlp", kind: 2, startTimeUnixNano: "1544712660000000000", endTimeUnixNano: "1544712661000000000" };
    await page.getByLabel("Choose a file").setInputFiles(file("otlp.json", { resourceSpans: [{ resource: {}, scopeSpans: [{ spans: [otlp] }] }] }));
    await waterfall(page).getByText("from otlp").waitFor();
    const jaeger = { traceID: slow.traceId, spanID: "2", operationName: "from jaeger", startTime: 1000, duration: 20, processID: "p1" };
    const input = page.locator("header .choices").getByLabel("Open a trace from a file");
    await input.setInputFiles(file("jaeger.json", { data: [{ traceID: slow.traceId, spans: [jaeger], processes: { p1: { serviceName: "shop" } } }] }));
    await waterfall(page).getByText("from jaeger").waitFor();
  }));

test("the button of the bar opens a file from any page, one after another", () =>
  on("/zipkin/compare", async (page) => {
    const input = page.locator("header .choices").getByLabel("Open a trace from a file");
    await input.setInputFiles(file("a.json", slow.spans));
    await page.getByText(slow.traceId).waitFor();
    await input.setInputFiles(file("b.json", [fast.spans]));
    await page.getByText(fast.traceId).waitFor();
  }));
