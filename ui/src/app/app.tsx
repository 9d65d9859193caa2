/** The frame: bar on top, the page of the address below it. */
import { useEffect } from 'preact/hooks';
import { loadUiSettings } from '../api/settings.ts';
import { CommandBox } from './command-box.tsx';
import { leadToSetup } from './first-visit.ts';
import { registerGlobalKeys } from './global-keys.ts';
import { KeyMap } from './key-map.tsx';
import { PageOutlet } from './page-outlet.tsx';
import { pageAt } from './pages.ts';
import { startRouter } from './router.ts';
import { SignIn } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';

export function App() {
  useEffect(() => startRouter((path) => pageAt(path) !== undefined), []);
  useEffect(registerGlobalKeys, []);
  useEffect(() => {
    void loadUiSettings();
    void leadToSetup();
  }, []);
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
      <SignIn />
    </>
  );
}
