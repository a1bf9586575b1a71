//! The pages of services and of the server's state, in Chromium, on the server at SPANLET_URL.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, serverUrl } from "./browser.mjs";
import { addressSays, browser, checkAccess, checkWidth, eventually } from "./kit.mjs";
import { checkout, post } from "./traces.mjs";
import { RELAYS, statistics, status } from "./figures.mjs";

const IMAGE = "<img src=x onerror=alert(1)>";
const LINKS = [
  { parent: "front", child: "payment", callCount: 1800, errorCount: 0, p50: 60_000, p95: 800_000, p99: 900_000 },
  { parent: "payment", child: "postgres", callCount: 1800, errorCount: 18, p50: 2_000, p95: 8_000, p99: 11_000 },
];
const list = (page) => page.getByRole("region", { name: "Services" });
const names = (page) => list(page).getByRole("rowheader").allInnerTexts();
const STATISTICS = "**/api/spanlet/v1/statistics?*";

/** A page whose figures are `answers`, and what it complained of. */
async function withFigures(path, { figures = () => statistics(Date.now()), ...options }, use) {
  const { page, complaints, close } = await openPage(browser, "/zipkin/compare", options);
  await page.route(STATISTICS, (route) => route.fulfill({ json: figures() }));
  await page.route("**/api/spanlet/v1/dependencies?*", (route) => route.fulfill({ json: LINKS }));
  await page.route("**/api/spanlet/v1/status", (route) => route.fulfill({ json: status(0, { relays: RELAYS }) }));
  await page.goto(new URL(path, serverUrl).href);
  await use(page);
  assert.deepEqual(complaints, []);
  await close();
}

test("services in order, one of them closely, and from it to traces", () =>
  withFigures("/zipkin/services", {}, async (page) => {
    await eventually(async () => assert.deepEqual((await names(page)).map((it) => it.trim()), ["payment", "front", "stock", "mail"]));
    await page.getByRole("heading", { name: "payment" }).waitFor();
    await page.getByRole("img", { name: /^Duration: 190 ms at first, .* most 851 ms/ }).waitFor();
    const operation = page.getByRole("table", { name: "Operations" }).getByRole("row").nth(1);
    await eventually(async () => assert.match(await operation.innerText(), /post\s+front\s+32\s+0 %\s+63\.3\s*ms\s+760\s*ms\s+1\.14\s*s/));
    const href = new URL(await operation.getByRole("link").getAttribute("href"), page.url()).searchParams;
    assert.deepEqual([href.get("serviceName"), href.get("spanName"), href.get("remoteServiceName"), href.get("sort")], ["payment", "post", "front", "longest"]);
    await list(page).getByRole("button", { name: "Err %" }).click();
    await addressSays(page, "sort", "errors");
    await eventually(async () => assert.equal((await names(page))[0].trim(), "mail"));
    await list(page).getByRole("link", { name: "front" }).click();
    await addressSays(page, "service", "front");
    await page.getByRole("heading", { name: "front" }).waitFor();
    await page.getByRole("table", { name: "What it asks of others" }).getByText("payment").waitFor();
    await page.getByLabel("Find a service").fill("stoc");
    await eventually(async () => assert.deepEqual((await names(page)).map((it) => it.trim()), ["stock"]));
    await page.getByLabel("Time range").selectOption("21600000");
    await addressSays(page, "lookback", "6h");
    await page.goBack();
    await addressSays(page, "lookback", null);
  }));

test("no figures, none in this time and a failing server are told apart", async () => {
  const { page, close } = await openPage(browser, "/zipkin/compare");
  let answer = (route) => route.fulfill({ status: 404, body: "" });
  await page.route(STATISTICS, (route) => answer(route));
  await page.goto(new URL("/zipkin/services", serverUrl).href);
  await page.getByText("This server keeps no figures of services.").waitFor();
  answer = (route) => route.fulfill({ json: { stepMs: 60_000, startTs: 0, rows: [] } });
  await page.getByLabel("Time range").selectOption("900000");
  await page.getByText("No service did anything in this time.").waitFor();
  await checkAccess(page);
  answer = (route) => route.fulfill({ status: 500, body: "no index" });
  await page.getByRole("link", { name: "Look at the last 7 days" }).click();
  await page.getByText("no index").waitFor();
  answer = (route) => route.fulfill({ json: statistics(Date.now()) });
  await page.getByRole("button", { name: "Try again" }).click();
  await list(page).waitFor();
  await page.goto(new URL("/zipkin/services?service=gone", serverUrl).href);
  await page.getByText("gone did nothing in this time.").waitFor();
  await close();
});

test("the state of the server: rates from two readings, relays, and what is wrong", async () => {
  const { page, complaints, close } = await openPage(browser, "/zipkin/compare");
  complaints.length = 0;
  let polls = 0;
  let answer = (route) => route.fulfill({ json: status(polls++, { relays: RELAYS }) });
  await page.route("**/api/spanlet/v1/status", (route) => answer(route));
  await page.goto(new URL("/zipkin/status", serverUrl).href);
  await page.getByRole("heading", { name: "Everything is being kept" }).waitFor();
  await page.getByText("one relay is behind").waitFor();
  const collectors = page.getByRole("table", { name: /^Collectors/ });
  await eventually(async () => assert.match(await collectors.getByRole("row", { name: /^http/ }).innerText(), /0\.0\.0\.0:9411\s+[\d,]{3,}\s+[\d.]+ [kM]B/));
  await collectors.getByRole("row", { name: /^grpc/ }).getByText("not listening").waitFor();
  const relay = page.getByRole("table", { name: /^Relays/ }).getByRole("row", { name: IMAGE });
  await eventually(async () => assert.match(await relay.innerText(), /catching up[^]*6\.2 GB\s+38 m\s+17/));
  assert.equal(await page.locator("img").count(), 0);
  answer = (route) => route.fulfill({ json: status(polls++, { problem: `disk full ${IMAGE}` }) });
  await page.getByRole("heading", { name: "The store is in trouble" }).waitFor();
  await page.getByText(`disk full ${IMAGE}`).waitFor();
  await page.getByText("Why it was refused: id 0 7").waitFor();
  await page.getByText("None has announced itself.").waitFor();
  await checkAccess(page);
  assert.deepEqual(complaints, []);
  answer = (route) => route.abort();
  await page.getByRole("heading", { name: "The server does not answer" }).waitFor();
  answer = (route) => route.fulfill({ json: status(0) });
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Everything is being kept" }).waitFor();
  await close();
});

for (const [name, path, ready] of [
  ["services", "/zipkin/services?service=front", (page) => page.getByRole("table", { name: "Operations" })],
  ["all services", "/zipkin/services", (page) => list(page)],
  ["status", "/zipkin/status", (page) => page.getByRole("table", { name: /^Relays/ })],
]) {
  test(`${name}: accessible in both themes, hostile names are text, and no wider than a phone`, async () => {
    const hostile = () => statistics(Date.now(), [IMAGE, "a-service-with-a-very-long-name-that-no-column-is-wide-enough-for"]);
    for (const options of [{ theme: "light" }, { theme: "dark" }, { viewport: { width: 360, height: 740 }, touch: true }, { viewport: { width: 720, height: 450 } }]) {
      await withFigures(path, { figures: hostile, ...options }, async (page) => {
        await ready(page).waitFor();
        await checkAccess(page);
        await checkWidth(page);
        assert.equal(await page.locator("img, iframe, main script").count(), 0);
      });
    }
  });
}

test("the server's own figures and state, without anything made up", async () => {
  const nowMs = Date.now();
  await post(serverUrl, [checkout(nowMs * 100 + 58, nowMs - 120_000, { slowMs: 300 })]);
  const { page, complaints, close } = await openPage(browser, "/zipkin/services?service=payment");
  await page.getByRole("table", { name: "Operations" }).getByRole("link", { name: "post" }).waitFor();
  await list(page).getByRole("link", { name: "front" }).waitFor();
  await page.goto(new URL("/zipkin/status", serverUrl).href);
  await page.getByRole("table", { name: /^Collectors/ }).getByRole("row", { name: /^http/ }).waitFor();
  await page.getByRole("heading", { name: /^Store/ }).waitFor();
  assert.deepEqual(complaints, []);
  await close();
});
