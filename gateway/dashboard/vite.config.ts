import { defineConfig } from "vite";

export default defineConfig({
  // The gateway serves the files below /app; the page itself is also at `/`.
  base: "/app/",
  build: {
    target: "es2022",
    emptyOutDir: true,
    // The page's Content-Security-Policy takes no data: in scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
