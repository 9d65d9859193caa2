/** The frame: bar on top, the page of the address below it. */
import { useEffect } from 'preact/hooks';
import { CommandBox } from './command-box.tsx';
import { registerGlobalKeys } from './global-keys.ts';
import { KeyMap } from './key-map.tsx';
import { PageOutlet } from './page-outlet.tsx';
import { pageAt } from './pages.ts';
import { startRouter } from './router.ts';
import { TopBar } from './top-bar.tsx';

export function App() {
  useEffect(() => startRouter((path) => pageAt(path) !== undefined), []);
  useEffect(registerGlobalKeys, []);
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      <TopBar />
      <main id="main" tabIndex={-1}>
        <PageOutlet />
      </main>
      <CommandBox />
      <KeyMap />
    </>
  );
}
