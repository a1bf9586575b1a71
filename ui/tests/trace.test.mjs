//! Looks into traces, in Chromium, on the server at SPANLET_URL.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { openPage, serverUrl } from "./browser.mjs";
import { addressSays, boxOf, browser, checkAccess, configure, detail, drag, eventually, on, param, rowOf, rowsAre, tracePath, waterfall } from "./kit.mjs";
import { big, browse, checkout, post, TraceBuilder } from "./traces.mjs";

const nowMs = Date.now();
const slow = checkout(nowMs * 100 + 88, nowMs - 20_000, { slowMs: 480, failing: true });
const skewed = checkout(nowMs * 100 + 89, nowMs - 10_000, { slowMs: 30, skewMs: -52 });
const repeats = new TraceBuilder(nowMs * 100 + 87, nowMs - 5000);
const top = repeats.server("front", "get", 0, 400);
for (let i = 0; i < 64; i++) repeats.local(top, "front", "read chunk", i * 5, i * 5 + 4);
repeats.local(top, "front", "render", 330, 390);
const IMAGE = "<img src=x onerror=alert(1)>";
const hostile = new TraceBuilder(nowMs * 100 + 86, nowMs - 5000);
const page = hostile.server(IMAGE, IMAGE, 0, 40);
hostile.call(page, IMAGE, "<iframe src=//evil.example>", IMAGE, 5, 30, { tags: { "<b>key</b>": "<script>alert(1)</script>", "hostile.link": "javascript:alert(1)", error: IMAGE }, notes: [[6, IMAGE]] });
before(() => post(serverUrl, [slow, skewed, repeats, hostile]));

test("the keyboard goes everywhere in a trace, and the address follows", () =>
  on(tracePath(slow), async (page) => {
    await waterfall(page).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await detail(page).getByRole("heading", { name: "parse body" }).waitFor();
    await addressSays(page, "span", slow.spans.find((span) => span.name === "parse body").id);
    await page.keyboard.press("Escape");
    await detail(page).waitFor({ state: "detached" });
    await addressSays(page, "span", null);

    await page.keyboard.press("e");
    await page.keyboard.press("Enter");
    await page.getByText("550 mailbox unavailable").first().waitFor();
    await page.keyboard.press("Escape");

    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowLeft");
    await rowsAre(page, 1);
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
    await detail(page).getByRole("heading", { name: "lock wait" }).waitFor();
    await page.getByText("waiting for row lock", { exact: true }).waitFor();
    await eventually(async () => {
      assert.equal(await page.getByLabel("Find in trace").inputValue(), "lock");
      assert.match(await waterfall(page).locator(".axis span").first().innerText(), /^[4-9]\d+ ms|100 ms$/);
      assert.equal(await rowOf(page, "lock wait").getAttribute("aria-selected"), "true");
      assert.equal(await rowOf(page, "parse body").count(), 1, "the second level is shown");
      assert.equal(await rowOf(page, "smtp send").count(), 0, "deeper ones are not, but where the span is");
    });
  });
});

test("rows answer to the mouse, and the overview zooms", () =>
  on(tracePath(slow), async (page) => {
    const cart = rowOf(page, "/cart/4711").first();
    await cart.locator(".twisty").click();
    await eventually(async () => assert.equal(await cart.getAttribute("aria-expanded"), "false"));
    await rowOf(page, "commit").click();
    await detail(page).getByRole("heading", { name: "commit" }).waitFor();
    await drag(page, page.locator(".map"), [0.25, 20], [0.75, 20]);
    const extentUs = slow.spans[0].duration;
    await eventually(() => {
      assert.ok(Math.abs(Number(param(page, "from")) - extentUs * 0.25) < extentUs * 0.02, page.url());
      assert.ok(Math.abs(Number(param(page, "to")) - extentUs * 0.75) < extentUs * 0.02, page.url());
    });
  }));

test("bars are painted where the spans are", () =>
  on(tracePath(slow), async (page) => {
    await rowOf(page, "lock wait").waitFor();
    const lock = slow.spans.find((span) => span.name === "lock wait");
    const root = slow.spans[0];
    const index = Number(await rowOf(page, "lock wait").getAttribute("aria-rowindex")) - 2;
    const middle = (lock.timestamp - root.timestamp + lock.duration / 2) / root.duration;
    const before = (lock.timestamp - root.timestamp - 3000) / root.duration;
    await eventually(async () => {
      const painted = await page.evaluate(
        ([row, shares]) => {
          const canvas = document.querySelector(".rows canvas");
          const pen = canvas.getContext("2d");
          return shares.map((share) => pen.getImageData(Math.round(share * canvas.width), row * 24 + 11, 1, 1).data[3]);
        },
        [index, [middle, before]],
      );
      assert.deepEqual(painted, [255, 0]);
    });
  }));

test("a clock that runs behind is mended, says so, and can be seen raw", () =>
  on(tracePath(skewed), async (page) => {
    await page.getByText("payment (10.0.0.4) 52.0 ms").waitFor();
    const first = () => page.getByRole("region", { name: "Own time by service" }).getByRole("listitem").first().getAttribute("data-service");
    await eventually(async () => assert.equal(await first(), "payment"));
    await page.getByRole("button", { name: "Show raw times" }).click();
    await addressSays(page, "raw", "1");
    await eventually(async () => assert.equal(await first(), "front"));
  }));

test("a trace that is not here is asked for again, and shown when it comes", () => {
  const late = browse(nowMs * 100 + 97, Date.now());
  return on(tracePath(late), async (page) => {
    await page.getByRole("heading", { name: "This trace is not here" }).waitFor();
    await page.getByText("Asking again for").waitFor();
    await checkAccess(page);
    await post(serverUrl, [late]);
    await waterfall(page).waitFor();
    await rowsAre(page, 4);
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
  // As other servers than ours answer.
  await page.route("**/api/spanlet/**", (route) => route.fulfill({ status: 404, body: "" }));
  await page.route("**/api/v2/trace/*", (route) => route.fulfill({ json: trace.spans }));
  await page.goto(new URL(tracePath(trace), serverUrl).href);
  await waterfall(page).waitFor();
  await rowsAre(page, 20_000);
  await page.keyboard.press("End");
  await page.locator('[role="row"][aria-rowindex="20001"]').waitFor();
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(nodes < 1500, `${nodes} nodes`);
  await close();
});

test("each view shows the same spans, and its key and address lead to it", () =>
  on(tracePath(slow), async (page) => {
    await waterfall(page).waitFor();
    await page.keyboard.press("3");
    await addressSays(page, "view", "statistics");
    const first = page.getByRole("row").nth(1);
    await eventually(async () => assert.match(await first.innerText(), /payment\s+lock wait/));
    await first.getByRole("button").click();
    await detail(page).getByRole("heading", { name: "lock wait" }).waitFor();
    await page.keyboard.press("4");
    await addressSays(page, "view", "table");
    const table = page.getByRole("table", { name: "Span table" });
    await eventually(async () => assert.equal(await table.getAttribute("aria-rowcount"), String(slow.spans.length + 1)));
    await table.getByRole("button", { name: "Duration" }).click();
    await eventually(async () => assert.match(await table.getByRole("row").nth(1).innerText(), /554\.0\s*ms/));
    const csv = page.waitForEvent("download");
    await page.getByRole("button", { name: "CSV" }).click();
    const lines = readFileSync(await (await csv).path(), "utf8").trim().split("\r\n");
    assert.equal(lines.length, slow.spans.length + 1);
    await page.keyboard.press("Escape");
    await detail(page).waitFor({ state: "detached" });
    await page.keyboard.press("2");
    await addressSays(page, "view", "icicle");
    // Painted, it is as wide as its room, and its middle is the lock's.
    await page.waitForFunction(() => document.querySelector(".all canvas")?.width > 300);
    const canvas = await boxOf(page.locator(".all canvas"));
    await page.mouse.click(canvas.x + canvas.width / 2, canvas.y + 4 * 21 + 8);
    await detail(page).getByRole("heading", { name: "lock wait" }).waitFor();
    await page.keyboard.press("5");
    await page.getByRole("group", { name: "Graph of services" }).getByRole("button", { name: /^mail \d/ }).click();
    await detail(page).getByRole("heading", { name: "POST" }).waitFor();
    await page.keyboard.press("1");
    await addressSays(page, "view", null);
    await waterfall(page).waitFor();
  }));

test("services, the critical path and matches filter the rows; what is asked for is shown all the same", () =>
  on(tracePath(slow), async (page) => {
    await waterfall(page).waitFor();
    await page.getByRole("button", { name: "Services" }).click();
    await page.getByRole("checkbox", { name: "mail" }).check();
    await addressSays(page, "svc", "mail");
    const mails = slow.spans.filter((span) => span.localEndpoint.serviceName === "mail");
    await rowsAre(page, mails.length + 2);
    await page.getByRole("checkbox", { name: "mail" }).uncheck();
    await page.keyboard.press("Escape");
    await page.keyboard.press("c");
    await addressSays(page, "path", "1");
    await eventually(async () => assert.equal(await rowOf(page, "memcached").count(), 1, "two of three were not waited for"));
    await page.keyboard.press("c");
    await addressSays(page, "path", null);
    await page.keyboard.press("/");
    await page.keyboard.type("lock");
    await page.getByRole("button", { name: "Only matches" }).click();
    await rowsAre(page, 5);
    await page.keyboard.press("e");
    await rowsAre(page, slow.spans.length);
    await eventually(async () => assert.match(await waterfall(page).locator(".row.active").innerText(), /\/mails/));
  }));

test("a subtree stands alone until it is left", () =>
  on(tracePath(slow), async (page) => {
    await rowOf(page, "store payment").click();
    await page.keyboard.press("f");
    await addressSays(page, "root", slow.spans.find((span) => span.name === "store payment").id);
    await rowsAre(page, 3);
    await page.reload();
    await rowsAre(page, 3);
    await page.keyboard.press("F");
    await addressSays(page, "root", null);
  }));

test("repeats are one row, and open when one of them is wanted", () =>
  on(tracePath(repeats), async (page) => {
    const chunk = rowOf(page, "read chunk");
    await chunk.waitFor();
    await eventually(async () => assert.match(await chunk.innerText(), /×64[^]*256 ms in all, longest 4\.00 ms/));
    await rowsAre(page, 3);
    await chunk.locator(".twisty").click();
    await rowsAre(page, 66);
    await waterfall(page).getByText("×64").click();
    await rowsAre(page, 3);
    await page.goto(`${new URL(tracePath(repeats), serverUrl).href}?span=${repeats.spans[40].id}`);
    await detail(page).waitFor();
    await rowsAre(page, 66);
  }));

test("a tag filters the trace, in and out, and leads to a search", () => {
  const cart = slow.spans.find((span) => span.name === "select cart");
  return on(`${tracePath(slow)}?span=${cart.id}`, async (page) => {
    await detail(page).getByText("select * from cart").first().waitFor();
    const href = await detail(page).getByRole("link", { name: "Search traces with sql.query" }).getAttribute("href");
    assert.equal(new URL(href, serverUrl).searchParams.get("annotationQuery"), "sql.query=select * from cart where id = $1");
    await detail(page).getByText("sql.query").first().hover();
    await detail(page).getByRole("button", { name: "Only spans with sql.query" }).click();
    await addressSays(page, "q", "sql.query=select * from cart where id = $1");
    await addressSays(page, "only", "1");
    await rowsAre(page, 4);
    await detail(page).getByRole("button", { name: "Only spans without sql.query" }).click();
    await addressSays(page, "q", "-sql.query=select * from cart where id = $1");
    await rowsAre(page, slow.spans.length - 1);
  });
});

test("hostile names and tags are text, and nothing else", () =>
  on(`${tracePath(hostile)}?span=${hostile.spans[1].id}`, async (page) => {
    await detail(page).getByText("<script>alert(1)</script>").first().waitFor();
    const foreign = () => page.locator('img, iframe, main script, a[href^="javascript:"]').count();
    assert.equal(await foreign(), 0);
    for (const [key, shown] of [["2", ".all canvas"], ["3", "main table"], ["4", "[aria-label='Span table']"], ["5", "[aria-label='Graph of services']"]]) {
      await page.keyboard.press(key);
      await page.locator(shown).first().waitFor();
      assert.equal(await foreign(), 0, `view ${key}`);
    }
  }));

test("config.json gives a trace its logs and its archive", async () => {
  const { page, complaints, close } = await openPage(browser, "/zipkin/traces/1");
  complaints.length = 0;
  await configure(page, { environment: "staging", logsUrl: "https://logs.example/?t={traceId}&s={spanId}", archivePostUrl: "/archive", archiveUrl: "https://keep.example/{traceId}", supportUrl: "https://help.example" });
  let kept;
  await page.route("**/archive", (route) => {
    kept = route.request().postDataJSON();
    return route.fulfill({ status: 202 });
  });
  await page.goto(`${new URL(tracePath(slow), serverUrl).href}?span=${slow.spans[0].id}`);
  await page.getByText("staging").waitFor();
  await eventually(async () => assert.equal(await page.getByRole("link", { name: "Support" }).getAttribute("href"), "https://help.example"));
  assert.equal(await detail(page).getByRole("link", { name: "Logs" }).getAttribute("href"), `https://logs.example/?t=${slow.traceId}&s=${slow.spans[0].id}`);
  await page.getByRole("button", { name: "Archive" }).click();
  await page.getByRole("link", { name: `https://keep.example/${slow.traceId}` }).waitFor();
  assert.equal(kept.length, slow.spans.length);
  assert.deepEqual(kept.filter((span) => span.tags?.["zipkin.archived"]).map((span) => span.id), [slow.spans[0].id]);
  assert.deepEqual(complaints, []);
  await close();
});

test("embedded, a trace has no frame around it, and stays so", () =>
  on(`${tracePath(slow)}?embed=1`, async (page) => {
    await waterfall(page).waitFor();
    assert.equal(await page.getByRole("banner").count(), 0);
    await page.keyboard.press("3");
    await addressSays(page, "view", "statistics");
    assert.equal(param(page, "embed"), "1");
  }));
