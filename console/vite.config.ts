import { defineConfig } from 'vite';

// Everything the pages need is in these files: nothing is fetched from anywhere else. No modulepreload
// helper and no inlined assets, so that the Content-Security-Policy can be 'self' alone.
export default defineConfig({
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2021',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:7070', '/metrics': 'http://127.0.0.1:7070' } },
});
