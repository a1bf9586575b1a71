//! Opens pages of the server at SPANLET_URL in Debian's Chromium, under the content security policy that it sends.
import { chromium } from "playwright-core";

export const serverUrl = process.env.SPANLET_URL ?? "";
if (serverUrl === "") throw new Error("set SPANLET_URL to the address of a running server, e.g. http://127.0.0.1:9411");

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

/** A page of its own, with its complaints. Every request that leaves the server is one, and every breach of the policy. */
export async function openPage(browser, path, { viewport = DESK, theme = "light", touch = false } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: theme, timezoneId: "UTC", hasTouch: touch, deviceScaleFactor: viewport === PHONE ? 2 : 1 });
  const page = await context.newPage();
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
