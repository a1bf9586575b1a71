//! Photographs the found trace with the most spans: SPANLET_URL=http://127.0.0.1:9411 node tests/picture.mjs QUERY FILE
import { launch, openPage, serverUrl } from "./browser.mjs";

const [query, file] = process.argv.slice(2);
const traces = await (await fetch(new URL(`/api/v2/traces?limit=1000&${query}`, serverUrl))).json();
const trace = traces.sort((a, b) => b.length - a.length)[0];
if (trace === undefined) {
  console.error(`${serverUrl} has no trace for ${query}`);
  process.exit(1);
}
const browser = await launch();
const { page, close } = await openPage(browser, `/zipkin/traces/${trace[0].traceId}`, { theme: "light" });
await page.waitForLoadState("networkidle");
await page.screenshot({ path: file });
await close();
await browser.close();
console.log(`${file}: a trace of ${trace.length} spans`);
