//! Makes pictures of the pages: SPANLET_URL=http://127.0.0.1:9411 OUT=dir node tests/screenshots.mjs. Posts its own traces.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DESK, launch, openPage, PHONE, serverUrl } from "./browser.mjs";
import { checkout, post, shop } from "./traces.mjs";

const out = process.env.OUT ?? "screenshots";
mkdirSync(out, { recursive: true });
const browser = await launch();

async function picture(name, path, options, prepare = async () => {}) {
  const { page, complaints, close } = await openPage(browser, path, options);
  await page.waitForLoadState("networkidle");
  await prepare(page);
  await page.screenshot({ path: join(out, `${name}.png`) });
  for (const complaint of complaints) console.error(`${name}: ${complaint}`);
  await close();
  console.log(join(out, `${name}.png`));
}

const services = await (await fetch(new URL("/api/v2/services", serverUrl))).json();
if (services.length === 0) {
  for (const theme of ["light", "dark"]) await picture(`empty-${theme}`, "/zipkin/", { theme });
  await picture("empty-phone", "/zipkin/", { viewport: PHONE });
}

const nowMs = Date.now();
const slow = checkout(nowMs * 100 + 99, nowMs - 30_000, { slowMs: 242, failing: true, skewMs: -52 });
const fast = checkout(nowMs * 100 + 98, nowMs - 35_000);
await post(serverUrl, [...shop(nowMs - 40_000), fast, slow]);
const trace = `/zipkin/traces/${slow.traceId}`;
const lock = slow.spans.find((span) => span.name === "lock wait").id;

for (const theme of ["light", "dark"]) {
  for (const [suffix, viewport] of [["", DESK], ["-phone", PHONE]]) {
    await picture(`search${suffix}-${theme}`, "/zipkin/?sort=longest&limit=50&lookback=30m", { theme, viewport });
    await picture(`trace${suffix}-${theme}`, trace, { theme, viewport });
    await picture(`span${suffix}-${theme}`, `${trace}?span=${lock}`, { theme, viewport });
    for (const view of ["icicle", "statistics", "table", "map"]) await picture(`${view}${suffix}-${theme}`, `${trace}?view=${view}`, { theme, viewport });
    await picture(`dependencies${suffix}-${theme}`, "/zipkin/dependency?service=front&hops=0", { theme, viewport });
    await picture(`services${suffix}-${theme}`, "/zipkin/services", { theme, viewport });
    await picture(`status${suffix}-${theme}`, "/zipkin/status", { theme, viewport });
    await picture(`compare${suffix}-${theme}`, `/zipkin/compare?a=${slow.traceId}&b=${fast.traceId}`, { theme, viewport });
    await picture(`upload${suffix}-${theme}`, "/zipkin/traceViewer", { theme, viewport });
    await picture(`not-found${suffix}-${theme}`, "/zipkin/traces/463ac35c9f6413ad48485a3953bb6124", { theme, viewport }, (page) => page.waitForSelector("text=Asking again"));
  }
}
await picture("nothing-found", "/zipkin/?serviceName=front&minDuration=90s", {});
await picture("zoomed", `${trace}?from=240000&to=330000&q=postgres`, {});
await browser.close();
