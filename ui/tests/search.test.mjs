//! Searches, in Chromium, on the server at SPANLET_URL.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { openPage, serverUrl } from "./browser.mjs";
import { addressSays, api, boxOf, browser, configure, drag, eventually, on, param, queryLine, traces } from "./kit.mjs";
import { checkout, post, shop } from "./traces.mjs";

const nowMs = Date.now();
/** A quarter of an hour of its own, so that other tests' traces do not count. */
const endMs = nowMs - 3 * 86_400_000;
const slow = checkout(nowMs * 100 + 78, endMs - 20_000, { slowMs: 480, failing: true });
const recent = checkout(nowMs * 100 + 79, nowMs - 5000);
before(() => post(serverUrl, [...shop(endMs - 60_000), slow, recent]));
const PERIOD = `lookback=range&startTs=${endMs - 1_000_000}&endTs=${endMs}`;
const TRACES = /\/zipkin\/api\/spanlet\/v1\/traces\?/;
const chips = (page) => page.locator(".chip .text").allInnerTexts();
const count = (page, wanted) => page.waitForFunction((n) => document.querySelectorAll('[role="table"] a').length === n, wanted);

test("a search keeps all its fields in the address, and old links of Zipkin's page work", () =>
  on(`/zipkin/?serviceName=front&spanName=post&annotationQuery=error&lookback=15m&endTs=${endMs}&limit=10`, async (page) => {
    await traces(page).waitFor();
    assert.deepEqual(await chips(page), ["service=front", "name=post", "error"]);
    assert.equal(await page.getByLabel("Limit").inputValue(), "10");
    assert.equal(await page.getByLabel("Time range").inputValue(), "between");
    const found = await api(`traces?serviceName=front&spanName=post&annotationQuery=error&lookback=900000&endTs=${endMs}&limit=10`);
    const links = await traces(page).getByRole("link").evaluateAll((all) => all.map((it) => it.pathname.split("/").at(-1)));
    assert.deepEqual(links.sort(), found.map((trace) => trace[0].traceId).sort());
    assert.ok(links.length > 0);
  }));

test("the query line completes, and its chips come and go", () =>
  on(`/zipkin/?${PERIOD}&limit=100`, async (page) => {
    await traces(page).waitFor();
    await queryLine(page).fill("pay");
    await page.getByRole("option", { name: "service=payment" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await addressSays(page, "serviceName", "payment");
    await queryLine(page).fill("name=lo");
    await page.getByRole("option", { name: "name=\"lock wait\"" }).click();
    await addressSays(page, "spanName", "lock wait");
    await queryLine(page).fill("http.path=/pay");
    await page.getByRole("option", { name: "http.path=/payments" }).click();
    await addressSays(page, "annotationQuery", "http.path=/payments");
    await eventually(async () => assert.deepEqual(await chips(page), ["service=payment", "name=lock wait", "http.path=/payments"]));
    await page.getByRole("button", { name: "Remove http.path=/payments" }).click();
    await addressSays(page, "annotationQuery", null);
    await queryLine(page).press("Backspace");
    await addressSays(page, "spanName", null);
    await eventually(async () => assert.equal(await queryLine(page).inputValue(), 'name="lock wait"', "the last chip is taken up again to be changed"));
    await queryLine(page).fill("duration>soon");
    await page.keyboard.press("Enter");
    await page.getByText("Write it as 200us, 100ms or 1.5s.").waitFor();
    assert.equal(param(page, "minDuration"), null);
  }));

test("facets count the traces found, and narrow the search", () =>
  on(`/zipkin/?${PERIOD}&limit=100`, async (page) => {
    const facets = page.getByRole("complementary", { name: "What these traces have in common" });
    await facets.waitFor();
    const found = await api(`traces?endTs=${endMs}&lookback=1000000&limit=100`);
    const failed = found.filter((trace) => trace.some((span) => span.tags && "error" in span.tags)).length;
    const error = facets.getByRole("button", { name: /^error/ });
    await eventually(async () => assert.match(await error.innerText(), new RegExp(`error\\s*${failed}$`)));
    await error.click();
    await addressSays(page, "annotationQuery", "error");
    await count(page, failed);
    await facets.getByRole("button", { name: /^error/, pressed: true }).click();
    await addressSays(page, "annotationQuery", null);
    await facets.getByRole("button", { name: /^mail/ }).click();
    await addressSays(page, "serviceName", "mail");
  }));

test("dragging over the chart narrows the time, a point opens its trace", () =>
  on(`/zipkin/?${PERIOD}&limit=100`, async (page) => {
    await traces(page).waitFor();
    const room = page.locator(".room").first();
    await drag(page, room, [0.5, 20], [1, 20]);
    await page.waitForFunction((start) => Number(new URL(location.href).searchParams.get("startTs")) > start, endMs - 510_000);
    assert.ok(Math.abs(Number(param(page, "startTs")) - (endMs - 500_000)) < 10_000);
    await page.goBack();
    await addressSays(page, "startTs", String(endMs - 1_000_000));
    await page.getByRole("radio", { name: "Duration" }).click();
    // The list of the longer time, and the tall chart, are on screen before the point is looked for.
    const all = await api(`traces?endTs=${endMs}&lookback=1000000&limit=100`);
    await count(page, all.length);
    const box = await eventually(async () => {
      const now = await boxOf(room);
      assert.ok(now.height > 100);
      return now;
    });
    // The slowest stands highest: between 100 ms and 1 s of the decades from 10 ms to 1 s.
    const x = box.x + (box.width * (1_000_000 - 20_000)) / 1_000_000;
    const y = box.y + box.height - 4 - ((Math.log10(554_000) - 4) / 2) * (box.height - 9);
    await page.mouse.click(x, y);
    await page.waitForURL(`**/traces/${slow.traceId}*`);
  }));

test("the list is sorted by length, by errors or by time", () =>
  on(`/zipkin/?${PERIOD}&limit=100`, async (page) => {
    const ids = () => traces(page).getByRole("link").evaluateAll((all) => all.map((it) => it.pathname.split("/").at(-1)));
    const found = await api(`traces?endTs=${endMs}&lookback=1000000&limit=100`);
    await count(page, found.length);
    const newest = await ids();
    const most = (of) => [...found].sort((a, b) => of(b) - of(a)).map(of);
    const byId = new Map(found.map((trace) => [trace[0].traceId, trace]));
    const sortedBy = async (sort, of) => {
      await page.getByLabel("Sort").selectOption(sort);
      await addressSays(page, "sort", sort);
      await eventually(async () => assert.deepEqual((await ids()).map((id) => of(byId.get(id))), most(of)));
    };
    await sortedBy("longest", (trace) => Math.max(...trace.map((span) => span.duration)));
    assert.deepEqual((await ids()).sort(), newest.sort());
    assert.match(await page.locator('[role="row"] .duration').first().innerText(), /^554\s*ms$/);
    await sortedBy("errors", (trace) => trace.filter((span) => span.tags && "error" in span.tags).length);
    assert.match(await page.locator('[role="row"] .errors').first().innerText(), /3/);
  }));

test("the server puts all that match in order, hands them out in pages, and counts them", () =>
  on(`/zipkin/?${PERIOD}&limit=5&sort=longest`, async (page) => {
    const links = () => traces(page).getByRole("link").evaluateAll((all) => all.map((it) => it.pathname.split("/").at(-1)));
    await count(page, 5);
    const all = await api(`traces?endTs=${endMs}&lookback=1000000&limit=100`);
    const longest = (trace) => Math.max(...trace.map((span) => span.duration));
    const wanted = all.sort((a, b) => longest(b) - longest(a)).map((trace) => trace[0].traceId);
    await eventually(async () => assert.deepEqual(await links(), wanted.slice(0, 5)));
    await page.getByText("These are the longest 5 that match.").waitFor();
    await page.waitForFunction((n) => document.querySelector(".side .count")?.innerText === n, String(all.length));
    await page.getByRole("button", { name: "Show more" }).click();
    await count(page, 10);
    assert.equal((await links())[0], slow.traceId);
    assert.equal(new Set(await links()).size, 10);
  }));

test("a server with Zipkin's API only is searched as well", async () => {
  const { page, close } = await openPage(browser, "/zipkin/traces/1");
  await page.route(/\/api\/spanlet\//, (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto(new URL(`/zipkin/?${PERIOD}&limit=5&sort=longest`, serverUrl).href);
  await count(page, 5);
  await page.getByText("These are the newest 5 that match.").waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await addressSays(page, "limit", "20");
  await count(page, 20);
  await close();
});

test("config.json sets the limit and the range, and may forbid searching", async () => {
  const { page, close } = await openPage(browser, "/zipkin/traces/1");
  let asked;
  await configure(page, { queryLimit: 33, defaultLookback: 7_200_000 });
  await page.route(TRACES, (route) => {
    asked = new URL(route.request().url()).searchParams;
    return route.continue();
  });
  await page.goto(new URL("/zipkin/", serverUrl).href);
  await traces(page).waitFor();
  assert.deepEqual([asked.get("limit"), asked.get("lookback")], ["33", "7200000"]);
  await configure(page, { searchEnabled: false, dependency: { enabled: false } });
  await page.goto(new URL("/zipkin/", serverUrl).href);
  await page.getByText("This server does not search.").waitFor();
  assert.equal(await page.getByRole("link", { name: "Dependencies" }).count(), 0);
  await close();
});

test("what is not found is said with what would find something", () =>
  on(`/zipkin/?serviceName=front&minDuration=90s&${PERIOD}`, async (page) => {
    await page.getByRole("heading", { name: "No trace matches" }).waitFor();
    const without = page.getByRole("link", { name: "Without “duration>90s” 10 or more" });
    await without.waitFor();
    await page.waitForFunction(() => !document.body.innerText.includes("Without “service=front”"));
    await without.click();
    await traces(page).waitFor();
  }));

test("a server that fails can be asked again, a slow one be left", async () => {
  const { page, close } = await openPage(browser, "/zipkin/traces/1");
  let answer = (route) => route.fulfill({ status: 503, body: "store is busy" });
  await page.route(TRACES, (route) => answer(route));
  await page.goto(new URL("/zipkin/", serverUrl).href);
  await page.getByText("store is busy").waitFor();
  let held;
  answer = (route) => (held = route);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Searching…").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("The search was cancelled.").waitFor();
  await held.abort().catch(() => {});
  answer = (route) => route.abort();
  await page.getByRole("button", { name: "Search again" }).click();
  await page.getByText("The server does not answer.").waitFor();
  answer = (route) => route.continue();
  await page.getByRole("button", { name: "Try again" }).click();
  await traces(page).waitFor();
  await close();
});

test("live, new traces come by themselves", () =>
  on("/zipkin/?limit=1000", async (page) => {
    await page.getByRole("button", { name: "Live" }).click();
    const late = checkout(nowMs * 100 + 77, Date.now(), { slowMs: 5 });
    await post(serverUrl, [late]);
    await page.locator(`[role="table"] a[href$="${late.traceId}"]`).waitFor();
  }));

test("two chosen traces lead to their comparison", () =>
  on(`/zipkin/?${PERIOD}&limit=100&sort=longest`, async (page) => {
    await traces(page).getByRole("checkbox").nth(0).check();
    await traces(page).getByRole("checkbox").nth(5).check();
    await page.getByRole("link", { name: "Compare 2" }).click();
    await page.getByRole("table", { name: "Both traces" }).waitFor();
    assert.equal(param(page, "a"), slow.traceId);
  }));
