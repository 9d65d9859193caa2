/** The query as text: the editor as a component. */
import { useEffect, useRef } from 'preact/hooks';
import { useKeys } from '../app/keys.ts';
import { param, setParams } from '../app/router.ts';
import { createEditor, type EditorHandle } from './traceql-editor.ts';

export interface QueryEditorProps {
  /** The text of the address; a change of it replaces what is written. */
  readonly text: string;
  readonly run: (text: string) => void;
  readonly change: (text: string) => void;
}

export function QueryEditor({ text, run, change }: QueryEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorHandle | undefined>(undefined);
  const latest = useRef({ run, change });
  latest.current = { run, change };
  useEffect(() => {
    const made = createEditor(host.current!, {
      text,
      label: 'TraceQL query',
      run: (written) => latest.current.run(written),
      change: (written) => latest.current.change(written),
    });
    editor.current = made;
    return () => made.destroy();
  }, []);
  useEffect(() => editor.current?.setText(text), [text]);
  const wanted = param('focus') === 'query';
  useEffect(() => {
    if (!wanted) return;
    editor.current?.view.focus();
    setParams({ focus: undefined }, { replace: true });
  }, [wanted]);
  useKeys(() => [{ keys: '/', does: 'Write a query', group: 'Search', run: () => editor.current?.view.focus() }]);
  return <div ref={host} class="query-editor" />;
}
