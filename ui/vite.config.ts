// Builds the page into dist/, every asset under a hashed name and linked relative to <base>.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Nothing is painted before the script has set the theme: a dark page must not start with a white one. */
const paintLater: Plugin = {
  name: "paint-later",
  transformIndexHtml: { order: "post", handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"') },
};

export default defineConfig({
  // Relative, so that the server may move the page by rewriting <base href>.
  base: "./",
  plugins: [svelte(), paintLater],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // Nothing is inlined: the page runs under `default-src 'self'`.
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: { proxy: { "/zipkin/api": process.env.SPANLET_URL ?? "http://127.0.0.1:9411" } },
  // A busy machine may take long over a trace of 100,000 spans.
  test: { include: ["src/**/*.test.ts"], environment: "node", testTimeout: 120_000 },
});
