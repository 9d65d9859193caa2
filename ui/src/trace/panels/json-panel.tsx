import { useRequest } from '../../base/use-request.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { ErrorState } from '../../components/error-state.tsx';
import { formatBytes } from '../../format/count.ts';
import { toOtlpJson } from '../data/export.ts';
import type { TraceView } from '../view/trace-view.ts';

/** A text of more characters makes the page slow; it can be saved. */
const shownMax = 400_000;
/** A larger trace is not even asked for. */
const spansMax = 50_000;

export function JsonPanel({ view }: { readonly view: TraceView }) {
  const tooLarge = view.source.trace.spans > spansMax;
  const { data, error } = useRequest(async () => {
    if (tooLarge) return undefined;
    const { resourceSpans, missing } = await view.source.json();
    return { text: JSON.stringify(JSON.parse(toOtlpJson(resourceSpans)), undefined, 2), missing };
  }, [view]);
  if (tooLarge) {
    return (
      <p class="trace-panel-bar faint">More than {spansMax.toLocaleString('en')} spans: save the file to read them.</p>
    );
  }
  if (error !== undefined) return <ErrorState error={error} />;
  if (data === undefined) return <p class="trace-panel-bar faint">Loading</p>;
  return (
    <>
      <div class="trace-panel-bar">
        <CopyButton text={data.text} label="Copy all" />
        <span class="faint">
          OTLP/JSON, {formatBytes(data.text.length)}
          {data.text.length > shownMax && `, the first ${formatBytes(shownMax)} shown`}
        </span>
        {data.missing !== '' && <span class="error-text">{data.missing}</span>}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <pre class="trace-json whole" tabIndex={0}>
        {data.text.slice(0, shownMax)}
      </pre>
    </>
  );
}
