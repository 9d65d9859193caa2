/**
 * Live tail: asks for the newest traces every two seconds and puts them on top. While it is paused, or the user reads
 * further down, what comes in is held back and counted.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { search } from '../api/client.ts';
import { tenant } from '../app/tenant.ts';
import { mergeRows, type Row, rowsOf } from './rows.ts';

const everyMs = 2000;
/** Spans of a trace come in one by one: one that began this long ago may only match now. */
const windowMs = 30_000;
/** After a pause of the whole page (a sleeping tab) at most this much is made up for. */
const gapMsMax = 300_000;
export const liveRowsMax = 1000;
const askedMax = 200;

export interface Live {
  readonly rows: readonly Row[];
  /** Came in with the last answer. */
  readonly fresh: ReadonlySet<string>;
  /** How many wait. */
  readonly held: number;
  /** Of the last answer. */
  readonly nowMs: number;
  readonly error: unknown;
}

const nobody: ReadonlySet<string> = new Set();
const nothing: readonly Row[] = [];

/** `text` is sent; undefined switches it off. `hold`: nothing moves for now. */
export function useLive(text: string | undefined, hold: boolean): Live {
  const start = (): Live => ({ rows: nothing, fresh: nobody, held: 0, nowMs: Date.now(), error: undefined });
  const [live, setLive] = useState<Live>(start);
  const waiting = useRef<readonly Row[]>(nothing);
  const holding = useRef(hold);
  holding.current = hold;

  const take = (found: readonly Row[], nowMs: number): void =>
    setLive((before) => {
      const known = new Set(before.rows.map(({ traceId }) => traceId));
      waiting.current = mergeRows(waiting.current, found, liveRowsMax);
      if (holding.current) {
        const held = waiting.current.filter(({ traceId }) => !known.has(traceId)).length;
        return { ...before, held, nowMs, error: undefined };
      }
      const rows = mergeRows(before.rows, waiting.current, liveRowsMax);
      const fresh = new Set(waiting.current.flatMap(({ traceId }) => (known.has(traceId) ? [] : [traceId])));
      waiting.current = nothing;
      return { rows, fresh: before.rows.length === 0 ? nobody : fresh, held: 0, nowMs, error: undefined };
    });

  useEffect(() => {
    waiting.current = nothing;
    setLive(start());
    if (text === undefined) return;
    const ended = new AbortController();
    let timer: number | undefined;
    let answeredMs = Date.now();
    const ask = async (): Promise<void> => {
      const nowMs = Date.now();
      if (!document.hidden) {
        const fromMs = nowMs - windowMs - Math.min(gapMsMax, nowMs - answeredMs);
        try {
          const range = { fromMs, toMs: nowMs + everyMs };
          const answer = await search({ q: text, range, limit: askedMax, spss: 1, sort: 'start' }, ended.signal);
          take(rowsOf(answer), nowMs);
          answeredMs = nowMs;
        } catch (error) {
          if (ended.signal.aborted) return;
          setLive((before) => ({ ...before, error }));
        }
      }
      if (!ended.signal.aborted) timer = setTimeout(ask, everyMs) as unknown as number;
    };
    void ask();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [text, tenant.value]);

  // What waited comes in as soon as it may.
  useEffect(() => {
    if (!hold && waiting.current.length > 0) take(nothing, Date.now());
  }, [hold]);
  return live;
}
