/** A request that follows what it depends on: asked again when that changes, the one before is given up. */
import { useEffect, useState } from 'preact/hooks';

export interface Requested<Shape> {
  /** The last answer; stays while the next one is asked for, so that the layout stays. */
  readonly data: Shape | undefined;
  readonly error: unknown;
  readonly loading: boolean;
}

export function useRequest<Shape>(
  ask: (signal: AbortSignal) => Promise<Shape>,
  dependencies: readonly unknown[],
): Requested<Shape> {
  const [state, setState] = useState<Requested<Shape>>({ data: undefined, error: undefined, loading: true });
  useEffect(() => {
    const ended = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    ask(ended.signal).then(
      (data) => {
        if (!ended.signal.aborted) setState({ data, error: undefined, loading: false });
      },
      (error) => {
        if (!ended.signal.aborted) setState((before) => ({ data: before.data, error, loading: false }));
      },
    );
    return () => ended.abort();
  }, dependencies as unknown[]);
  return state;
}
