/** The range in the bar: presets, or two instants. */
import { useState } from 'preact/hooks';
import { param } from '../app/router.ts';
import { setRelativeRange, setTimeRange, timeRange } from '../app/time-range.ts';
import { defaultFrom, instant, presetLabel, presets } from '../base/range.ts';
import { formatDateTime, formatRange } from '../format/time.ts';
import { Button } from './button.tsx';
import { Icon } from './icons.tsx';
import { Menu, MenuItem } from './menu.tsx';

export function TimeRangePicker() {
  const { fromMs, toMs } = timeRange.value;
  const label = presetLabel(param('from'), param('to')) ?? formatRange(fromMs, toMs, Date.now());
  return (
    <Menu
      role="dialog"
      title="Time range"
      alignEnd
      label={
        <>
          <Icon name="clock" />
          {label}
        </>
      }
    >
      {(close) => <Sheet close={close} />}
    </Menu>
  );
}

function Sheet({ close }: { readonly close: () => void }) {
  const range = timeRange.value;
  const [from, setFrom] = useState(formatDateTime(range.fromMs));
  const [to, setTo] = useState(formatDateTime(range.toMs));
  const fromMs = instant(from.trim(), Date.now());
  const toMs = instant(to.trim(), Date.now());
  const usable = fromMs !== undefined && toMs !== undefined && fromMs < toMs;
  const chosen = param('to') === '' || param('to') === 'now' ? param('from') || defaultFrom : '';
  return (
    <div class="range-picker">
      <div>
        {presets.map((preset) => (
          <MenuItem
            key={preset.from}
            checked={preset.from === chosen}
            onClick={() => {
              setRelativeRange(preset.from);
              close();
            }}
          >
            {preset.label}
          </MenuItem>
        ))}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!usable) return;
          setTimeRange({ fromMs, toMs });
          close();
        }}
      >
        <label>
          From
          <input
            class="field"
            value={from}
            aria-invalid={fromMs === undefined}
            onInput={(e) => setFrom(e.currentTarget.value)}
          />
        </label>
        <label>
          To
          <input
            class="field"
            value={to}
            aria-invalid={toMs === undefined}
            onInput={(e) => setTo(e.currentTarget.value)}
          />
        </label>
        <Button type="submit" disabled={!usable}>
          Show this range
        </Button>
        <p class="faint">
          Local time, <code>now-90m</code>, or Unix milliseconds. <kbd>[</kbd> and <kbd>]</kbd> shift it.
        </p>
      </form>
    </div>
  );
}
