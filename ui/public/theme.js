// Runs before the first paint, so that the page never flashes in the other theme. Keep in step with src/design/theme.ts.
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem('rubato.theme');
  } catch {}
  const dark = stored === 'dark' || (stored !== 'light' && !matchMedia('(prefers-color-scheme: light)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
