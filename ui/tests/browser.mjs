//! Opens pages of the server at SPANLET_URL in Debian's Chromium, under the content security policy that it sends.
//!
//! Two switches make a quick machine like a busy one, to find tests that read a page before it shows what they wait for:
//! SPANLET_SLOW_API=1 holds each answer of the server's API for 300 to 800 ms, at random;
//! SPANLET_SLOW_CPU=6 gives the page's script a sixth of the processor.
import { chromium } from "playwright-core";

export const serverUrl = process.env.SPANLET_URL ?? "";
if (serverUrl === "") throw new Error("set SPANLET_URL to the address of a running server, e.g. http://127.0.0.1:9411");

const slowApi = (process.env.SPANLET_SLOW_API ?? "") !== "";
const slowCpu = Number(process.env.SPANLET_SLOW_CPU ?? "1");
/** For one step of a test on a machine that does much else. */
export const DEADLINE_MS = 120_000;

// No sandbox and no shared memory in containers; no talk of its own to the network.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Answers of the API, the tests' own as well, come late and out of order. */
async function slowDown(page) {
  const late = (answer) => async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 500));
    await answer(route);
  };
  // What is routed last is asked first, so this one has what no test answers.
  await page.route(/\/api\//, late((route) => route.continue()));
  const route = page.route.bind(page);
  page.route = (which, answer) => route(which, late(answer));
}

/** A page of its own, with its complaints. Every request that leaves the server is one, and every breach of the policy. */
export async function openPage(browser, path, { viewport = DESK, theme = "light", touch = false } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: theme, timezoneId: "UTC", hasTouch: touch, deviceScaleFactor: viewport === PHONE ? 2 : 1 });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  if (slowApi) await slowDown(page);
  if (slowCpu > 1) await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: slowCpu });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A trace that is not there yet is a 404, and the browser logs each.
    if (message.type() === "error" && !message.text().includes("404")) complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(serverUrl.replace(/\/$/, "")) && !request.url().startsWith("data:")) complaints.push(`foreign: ${request.url()}`);
  });
  const response = await page.goto(new URL(path, serverUrl).href);
  if (!response.headers()["content-security-policy"]?.includes("default-src 'self'")) complaints.push("the page came without its policy");
  const close = async () => {
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  };
  return { page, complaints, close };
}
