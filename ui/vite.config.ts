import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // The folder above is for Node; only what `ui/src` imports from it is bundled.
  server: { fs: { allow: ['..'] } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    // Small files stay files: `data:` is not in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
});
