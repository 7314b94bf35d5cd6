import { defineConfig } from "vite";

/** The server that `npm run dev` forwards API calls to; set TRIPOD_URL to use another one. */
const server = process.env.TRIPOD_URL ?? "http://127.0.0.1:4319";

export default defineConfig({
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": server, "/healthz": server } },
});
