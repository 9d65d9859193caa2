import { Button } from '../components/button.tsx';
import { Icon } from '../components/icons.tsx';
import { TimeRangePicker } from '../components/time-range-picker.tsx';
import { theme, toggleTheme } from '../design/theme.ts';
import { openCommandBox } from './command-box.tsx';
import { openKeyMap } from './key-map.tsx';
import { pageAt, pages } from './pages.ts';
import { href, path } from './router.ts';
import { TenantPicker } from './tenant-picker.tsx';
import { refresh } from './time-range.ts';

export function TopBar() {
  const current = pageAt(path.value)?.page;
  return (
    <header class="top-bar">
      <a class="brand" href={href('/search')} aria-label="Rubato">
        <Icon name="diamond" />
        <span>Rubato</span>
      </a>
      <nav class="places" aria-label="Pages">
        {pages
          .filter((page) => page.listed)
          .map((page) => (
            <a key={page.name} href={href(page.href)} aria-current={page === current ? 'page' : undefined}>
              {page.name}
            </a>
          ))}
      </nav>
      <div class="top-bar-end">
        <TenantPicker />
        <TimeRangePicker />
        <Button kind="quiet" label="Ask again (r)" onClick={refresh}>
          <Icon name="refresh" />
        </Button>
        <Button kind="quiet" label="⌘K: command box (Ctrl K)" onClick={() => openCommandBox()}>
          ⌘K
        </Button>
        <Button kind="quiet" label="Keys (?)" onClick={openKeyMap}>
          <Icon name="keyboard" />
        </Button>
        <Button kind="quiet" label={theme.value === 'dark' ? 'Light' : 'Dark'} onClick={toggleTheme}>
          <Icon name="theme" />
        </Button>
      </div>
    </header>
  );
}
