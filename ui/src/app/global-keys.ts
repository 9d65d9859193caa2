/** Keys that work on every page. */
import { toggleTheme } from '../design/theme.ts';
import { openCommandBox } from './command-box.tsx';
import { openKeyMap } from './key-map.tsx';
import { type KeyBinding, registerKeys } from './keys.ts';
import { pages } from './pages.ts';
import { href, navigate } from './router.ts';
import { refresh, shiftRange } from './time-range.ts';

const group = 'Everywhere';

export function registerGlobalKeys(): () => void {
  const places = pages.flatMap<KeyBinding>(({ key, name, href: to }) =>
    key === undefined ? [] : [{ keys: `g ${key}`, does: `Go to ${name}`, group, run: () => navigate(href(to)) }],
  );
  return registerKeys([
    { keys: 'mod+k', does: 'Command box', group, run: () => openCommandBox() },
    { keys: 't', does: 'Open a trace by its id', group, run: () => openCommandBox('', 'Trace id') },
    { keys: '/', does: 'Write a query', group, run: () => navigate(href('/search', { focus: 'query' })) },
    ...places,
    { keys: '[', does: 'Earlier', group, run: () => shiftRange(-1) },
    { keys: ']', does: 'Later', group, run: () => shiftRange(1) },
    { keys: 'r', does: 'Ask again', group, run: refresh },
    { keys: 'T', does: 'Dark or light', group, run: toggleTheme },
    { keys: '?', does: 'This list', group, run: openKeyMap },
  ]);
}
