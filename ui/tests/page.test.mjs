//! Uses the page as people do, in Chromium, on the real server at SPANLET_URL, which must be running and empty.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { DESK, launch, openPage, PHONE, serverUrl } from "./browser.mjs";
import { big, browse, checkout, post, shop } from "./traces.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const nowMs = Date.now();
const slow = checkout(nowMs * 100 + 98, nowMs - 20_000, { slowMs: 480, failing: true });
const skewed = checkout(nowMs * 100 + 99, nowMs - 10_000, { slowMs: 30, skewMs: -52 });
let browser;

before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Opens a page, lets `use` work with it, and holds it to silence: no error, no breach of the policy, no foreign request. */
async function on(path, use, options) {
  const { page, complaints, close } = await openPage(browser, path, options);
  try {
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

const api = async (path) => (await fetch(new URL(`/api/v2/${path}`, serverUrl))).json();
const waterfall = (page) => page.getByRole("treegrid", { name: "Spans" });
const rowOf = (page, name) => waterfall(page).getByRole("row").filter({ hasText: name });
const param = (page, name) => new URL(page.url()).searchParams.get(name);
const tracePath = (trace) => `/zipkin/traces/${trace.traceId}`;
/** The address follows what is on screen a moment later. */
const addressSays = (page, name, value) => page.waitForFunction(([key, wanted]) => new URL(location.href).searchParams.get(key) === wanted, [name, value]);

async function checkAccess(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`), []);
}

async function checkWidth(page) {
  const { wide, screen } = await page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll("main")];
    return { wide: Math.max(...boxes.map((box) => box.scrollWidth)), screen: window.innerWidth };
  });
  assert.ok(wide <= screen, `${wide} px of content on a screen of ${screen} px`);
}

test("an empty server says how to send the first span, and the page goes on by itself when it comes", () =>
  on("/zipkin/", async (page) => {
    await page.getByRole("heading", { name: "No spans yet" }).waitFor();
    const code = page.getByRole("tabpanel");
    const host = new URL(serverUrl).hostname;
    assert.equal(await code.innerText(), `from eventlet.zipkin import patcher\npatcher.enable_trace_patch(host='${host}', port=9410)`);
    await page.getByRole("tab", { name: "curl" }).click();
    assert.match(await code.innerText(), new RegExp(`curl -s ${serverUrl.replace(/\/$/, "")}/api/v2/spans`));
    await checkAccess(page);
    await post(serverUrl, [...shop(nowMs - 60_000), slow, skewed]);
    await page.getByRole("table", { name: "Traces" }).waitFor();
  }));

test("from a search by service and duration to the service that took longest", () =>
  on("/zipkin/", async (page) => {
    await page.getByLabel("Service", { exact: true }).fill("payment");
    await page.getByLabel("Min duration").fill("400ms");
    await page.getByRole("button", { name: "Search", exact: true }).click();
    const line = page.getByRole("table", { name: "Traces" }).getByRole("link");
    await page.waitForFunction(() => document.querySelectorAll('[role="table"] a').length === 1);
    assert.equal(param(page, "serviceName"), "payment");
    assert.equal(param(page, "minDuration"), "400ms");
    await line.click();
    await waterfall(page).waitFor();
    assert.equal(new URL(page.url()).pathname, tracePath(slow));

    const spans = await api(`trace/${slow.traceId}`);
    assert.equal(spans.length, slow.spans.length, "the server has all of the trace");
    const parents = new Set(spans.map((span) => span.parentId));
    const leaves = spans.filter((span) => !parents.has(span.id));
    const longest = leaves.reduce((most, span) => (span.duration > most.duration ? span : most));
    const first = page.getByRole("region", { name: "Own time by service" }).getByRole("listitem").first();
    assert.equal(await first.getAttribute("data-service"), longest.localEndpoint.serviceName);
    const own = await page.getByRole("region", { name: "Own time by service" }).locator("[data-own-us]").evaluateAll((all) => all.map((it) => Number(it.dataset.ownUs)));
    const root = spans.find((span) => !span.parentId);
    assert.equal(own.reduce((sum, us) => sum + us, 0), root.duration, "the parts add up to the root");
    assert.ok(own[0] >= longest.duration);
    const row = rowOf(page, longest.name);
    assert.match(await row.innerText(), new RegExp(`${Math.round(longest.duration / 1000)}\\s*ms`));
    await page.goBack();
    await page.getByLabel("Min duration").waitFor();
    assert.equal(await page.getByLabel("Min duration").inputValue(), "400ms", "back leads to the same search");
  }));

test("a search keeps all its fields in the address, and old links of Zipkin's page work", async () => {
  const end = Date.now();
  await on(`/zipkin/?serviceName=front&spanName=post&annotationQuery=error&lookback=15m&endTs=${end}&limit=10`, async (page) => {
    await page.getByRole("table", { name: "Traces" }).waitFor();
    assert.equal(await page.getByLabel("Span name").inputValue(), "post");
    assert.equal(await page.getByLabel("Tags and annotations").inputValue(), "error");
    assert.equal(await page.getByLabel("Limit").inputValue(), "10");
    assert.equal(await page.locator("form[aria-label=Search] select").inputValue(), "between");
    const found = await api(`traces?serviceName=front&spanName=post&annotationQuery=error&lookback=900000&endTs=${end}&limit=10`);
    const links = await page.getByRole("table", { name: "Traces" }).getByRole("link").evaluateAll((all) => all.map((it) => it.pathname.split("/").at(-1)));
    assert.deepEqual(links.sort(), found.map((trace) => trace[0].traceId).sort());
    assert.ok(links.length > 0);
  });
  await on("/zipkin/?serviceName=front", async (page) => {
    await page.locator("#span-names option[value=post]").waitFor({ state: "attached" });
    assert.deepEqual(await page.locator("#services option").evaluateAll((all) => all.map((it) => it.value)), await api("services"));
  });
});

test("the list is sorted by length or by time", () =>
  on("/zipkin/", async (page) => {
    const lengths = () => page.locator('[role="row"] .duration').allInnerTexts();
    await page.getByRole("table", { name: "Traces" }).waitFor();
    const newest = await lengths();
    await page.getByLabel("Sort").selectOption("longest");
    await addressSays(page, "sort", "longest");
    const longest = await lengths();
    assert.match(longest[0], /^554\s*ms$/);
    assert.deepEqual([...longest].sort(), [...newest].sort());
    assert.notDeepEqual(longest, newest);
  }));

test("what cannot be searched is said at its field, what is not found with a way on, what failed with a retry", async () => {
  await on("/zipkin/", async (page) => {
    await page.getByLabel("Min duration").fill("soon");
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await page.getByText("Write it as 200us, 100ms or 1.5s.").waitFor();
    assert.equal(param(page, "minDuration"), null);
  });
  await on("/zipkin/?serviceName=front&minDuration=90s", async (page) => {
    await page.getByRole("heading", { name: "No trace matches" }).waitFor();
    await page.getByRole("link", { name: /Without .*90s/ }).click();
    await page.getByRole("table", { name: "Traces" }).waitFor();
  });
  const { page, close } = await openPage(browser, "/zipkin/traces/1");
  let broken = true;
  await page.route("**/api/v2/traces?*", (route) => (broken ? route.fulfill({ status: 503, body: "store is busy" }) : route.continue()));
  await page.goto(new URL("/zipkin/", serverUrl).href);
  await page.getByText("store is busy").waitFor();
  broken = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("table", { name: "Traces" }).waitFor();
  await close();
});

test("the trace box opens an id and a pasted header, and says when there is none in it", () =>
  on("/zipkin/", async (page) => {
    const box = page.getByLabel("Trace id or header");
    await box.fill("checkout");
    await box.press("Enter");
    await page.getByText("No trace id in that").waitFor();
    const span = slow.spans[1].id;
    await box.fill(`traceparent: 00-${slow.traceId}-${span}-01`);
    await box.press("Enter");
    await waterfall(page).waitFor();
    assert.equal(new URL(page.url()).pathname, tracePath(slow));
    assert.equal(param(page, "span"), span);
  }));

test("the keyboard goes everywhere in a trace, and the address follows", () =>
  on(tracePath(slow), async (page) => {
    await waterfall(page).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("complementary", { name: "Span" }).getByRole("heading", { name: "parse body" }).waitFor();
    await addressSays(page, "span", slow.spans.find((span) => span.name === "parse body").id);
    await page.keyboard.press("Escape");
    await page.getByRole("complementary", { name: "Span" }).waitFor({ state: "detached" });
    await addressSays(page, "span", null);

    await page.keyboard.press("e");
    await page.keyboard.press("Enter");
    await page.getByText("550 mailbox unavailable").first().waitFor();
    await page.keyboard.press("Escape");

    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(() => document.querySelector('[role="treegrid"]').getAttribute("aria-rowcount") === "2");
    await addressSays(page, "toggled", slow.spans[0].id);
    await page.keyboard.press("ArrowRight");
    await addressSays(page, "toggled", null);

    await page.keyboard.press("/");
    await page.keyboard.type("lock");
    await page.keyboard.press("Enter");
    await page.getByText("1 of 1").waitFor();
    await addressSays(page, "q", "lock");
    await page.keyboard.press("Escape");
    await addressSays(page, "q", null);

    await page.keyboard.press("+");
    await page.waitForFunction(() => new URL(location.href).searchParams.has("from"));
    await page.keyboard.press("0");
    await addressSays(page, "from", null);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  }));

test("an address restores the span, the zoom, the find and the levels", () => {
  const lock = slow.spans.find((span) => span.name === "lock wait").id;
  return on(`${tracePath(slow)}?span=${lock}&from=40000&to=560000&q=lock&levels=2`, async (page) => {
    await page.getByRole("complementary", { name: "Span" }).getByRole("heading", { name: "lock wait" }).waitFor();
    await page.getByText("waiting for row lock", { exact: true }).waitFor();
    assert.equal(await page.getByLabel("Find in trace").inputValue(), "lock");
    assert.match(await waterfall(page).locator(".axis span").first().innerText(), /^[4-9]\d+ ms|100 ms$/);
    assert.equal(await rowOf(page, "lock wait").getAttribute("aria-selected"), "true");
    assert.equal(await rowOf(page, "parse body").count(), 1, "the second level is shown");
    assert.equal(await rowOf(page, "smtp send").count(), 0, "deeper ones are not, but where the span is");
  });
});

test("rows answer to the mouse, and the overview zooms", () =>
  on(tracePath(slow), async (page) => {
    const cart = rowOf(page, "/cart/4711").first();
    await cart.locator(".twisty").click();
    assert.equal(await cart.getAttribute("aria-expanded"), "false");
    await rowOf(page, "commit").click();
    await page.getByRole("complementary", { name: "Span" }).getByRole("heading", { name: "commit" }).waitFor();
    const map = await page.locator(".map").boundingBox();
    await page.mouse.move(map.x + map.width * 0.25, map.y + 20);
    await page.mouse.down();
    await page.mouse.move(map.x + map.width * 0.75, map.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.waitForFunction(() => new URL(location.href).searchParams.has("from"));
    const extentUs = slow.spans[0].duration;
    assert.ok(Math.abs(Number(param(page, "from")) - extentUs * 0.25) < extentUs * 0.02);
    assert.ok(Math.abs(Number(param(page, "to")) - extentUs * 0.75) < extentUs * 0.02);
  }));

test("bars are painted where the spans are", () =>
  on(tracePath(slow), async (page) => {
    await rowOf(page, "lock wait").waitFor();
    const lock = slow.spans.find((span) => span.name === "lock wait");
    const root = slow.spans[0];
    const index = Number(await rowOf(page, "lock wait").getAttribute("aria-rowindex")) - 2;
    const middle = (lock.timestamp - root.timestamp + lock.duration / 2) / root.duration;
    const before = (lock.timestamp - root.timestamp - 3000) / root.duration;
    const painted = await page.evaluate(
      ([row, shares]) => {
        const canvas = document.querySelector(".rows canvas");
        const pen = canvas.getContext("2d");
        return shares.map((share) => pen.getImageData(Math.round(share * canvas.width), row * 24 + 11, 1, 1).data[3]);
      },
      [index, [middle, before]],
    );
    assert.deepEqual(painted, [255, 0]);
  }));

test("a clock that runs behind is mended, says so, and can be seen raw", () =>
  on(tracePath(skewed), async (page) => {
    await page.getByText("payment (10.0.0.4) by 52.0 ms").waitFor();
    const first = () => page.getByRole("region", { name: "Own time by service" }).getByRole("listitem").first().getAttribute("data-service");
    assert.equal(await first(), "payment");
    await page.getByRole("button", { name: "Show raw times" }).click();
    await addressSays(page, "raw", "1");
    assert.equal(await first(), "front");
  }));

test("a trace that is not here is asked for again, and shown when it comes", () => {
  const late = browse(nowMs * 100 + 97, Date.now());
  return on(tracePath(late), async (page) => {
    await page.getByRole("heading", { name: "This trace is not here" }).waitFor();
    await page.getByText("Asking again for").waitFor();
    await checkAccess(page);
    await post(serverUrl, [late]);
    await waterfall(page).waitFor();
    assert.equal(await waterfall(page).getAttribute("aria-rowcount"), "5");
  });
});

test("what is no trace id is called so", () =>
  on("/zipkin/traces/nonsense", async (page) => {
    await page.getByText("Not a trace id").waitFor();
  }).catch((error) => {
    // The server refuses it with a 400, which the browser logs.
    assert.match(String(error.message), /400/);
  }));

test("the rows of 20,000 spans are not all in the document, and the last can be reached", async () => {
  const trace = big(nowMs * 100 + 96, nowMs, 20_000);
  const { page, close } = await openPage(browser, "/zipkin/?serviceName=none");
  await page.route("**/api/v2/trace/*", (route) => route.fulfill({ json: trace.spans }));
  await page.goto(new URL(tracePath(trace), serverUrl).href);
  await waterfall(page).waitFor();
  assert.equal(await waterfall(page).getAttribute("aria-rowcount"), "20001");
  await page.keyboard.press("End");
  await page.locator('[role="row"][aria-rowindex="20001"]').waitFor();
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(nodes < 1500, `${nodes} nodes`);
  await close();
});

for (const theme of ["light", "dark"]) {
  test(`both pages are accessible, ${theme}`, async () => {
    await on("/zipkin/", async (page) => {
      await page.getByRole("table", { name: "Traces" }).waitFor();
      await checkAccess(page);
    }, { theme });
    await on(`${tracePath(slow)}?span=${slow.spans.at(-2).id}&q=mail`, async (page) => {
      await page.getByRole("complementary", { name: "Span" }).waitFor();
      await checkAccess(page);
    }, { theme });
  });
}

test("a phone shows both pages without sideways scroll, and details as a sheet", async () => {
  const options = { viewport: PHONE, touch: true };
  await on("/zipkin/", async (page) => {
    await page.getByRole("table", { name: "Traces" }).waitFor();
    await checkWidth(page);
    await page.getByRole("button", { name: "Filters" }).click();
    await page.getByLabel("Tags and annotations").waitFor();
    await checkWidth(page);
    await checkAccess(page);
  }, options);
  await on(tracePath(slow), async (page) => {
    await waterfall(page).waitFor();
    await checkWidth(page);
    await rowOf(page, "parse body").tap();
    const sheet = page.getByRole("complementary", { name: "Span" });
    await sheet.waitFor();
    const box = await sheet.boundingBox();
    assert.ok(box.x === 0 && box.width === PHONE.width && box.y > PHONE.height / 2);
    await checkWidth(page);
    await checkAccess(page);
  }, options);
  await on("/zipkin/traces/463ac35c9f6413ad", async (page) => {
    await page.getByText("Asking again for").waitFor();
    await checkWidth(page);
  }, options);
});

test("theme and time zone are kept", () =>
  on("/zipkin/", async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByRole("button", { name: "Theme: system" }).click();
    await page.getByRole("button", { name: "Theme: light" }).click();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.getByRole("button", { name: "Times in local time" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Times in UTC" }).waitFor();
    assert.equal(await ground(), dark);
  }, { viewport: DESK }));
