/**
 * CodeMirror for TraceQL. Colours, errors and completion come from `src/traceql`, the language that the server runs;
 * names and values of attributes come from the server's data.
 *
 * The editor stands in a shadow root: there CodeMirror uses constructed style sheets, which the page's content security
 * policy allows, instead of a style element, which it does not.
 */
import { autocompletion, type CompletionContext, type CompletionResult, closeBrackets } from '@codemirror/autocomplete';
import { type Diagnostic, linter } from '@codemirror/lint';
import { Compartment, Prec, RangeSetBuilder } from '@codemirror/state';
import { Decoration, type DecorationSet, keymap, placeholder, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { EditorView, minimalSetup } from 'codemirror';
import { complete, filterAround } from '../../../src/traceql/complete.ts';
import { type Token, tokenize } from '../../../src/traceql/lexer.ts';
import { printAttribute } from '../../../src/traceql/print.ts';
import { attributeNames, attributeValues } from './attributes.ts';
import { readQuery } from './query-model.ts';

export interface EditorHandle {
  readonly view: EditorView;
  setText(text: string): void;
  destroy(): void;
}

export function createEditor(
  host: HTMLElement,
  options: { readonly text: string; readonly label: string; run(text: string): void; change(text: string): void },
): EditorHandle {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open', delegatesFocus: true });
  root.replaceChildren();
  const language = new Compartment();
  const view = new EditorView({
    parent: root,
    root,
    doc: options.text,
    extensions: [
      Prec.high(
        keymap.of([
          {
            key: 'Enter',
            run: (editor) => {
              options.run(editor.state.doc.toString());
              return true;
            },
          },
          {
            key: 'Escape',
            run: (editor) => {
              editor.contentDOM.blur();
              return true;
            },
          },
        ]),
      ),
      minimalSetup,
      closeBrackets(),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': options.label }),
      placeholder('{ resource.service.name = "checkout" && status = error }'),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) options.change(update.state.doc.toString());
      }),
      language.of([
        highlighting,
        linter(errorsIn, { delay: 250 }),
        autocompletion({ override: [completions], icons: false }),
      ]),
      look,
    ],
  });
  return {
    view,
    setText(text) {
      const old = view.state.doc.toString();
      if (old === text) return;
      view.dispatch({ changes: { from: 0, to: old.length, insert: text }, selection: { anchor: text.length } });
    },
    destroy: () => view.destroy(),
  };
}

const marks = {
  attribute: Decoration.mark({ class: 'tq-attribute' }),
  string: Decoration.mark({ class: 'tq-string' }),
  number: Decoration.mark({ class: 'tq-number' }),
  symbol: Decoration.mark({ class: 'tq-symbol' }),
  word: Decoration.mark({ class: 'tq-word' }),
};

function markOf(token: Token): Decoration | undefined {
  switch (token.kind) {
    case 'attribute':
    case 'prefix':
      return marks.attribute;
    case 'string':
      return marks.string;
    case 'int':
    case 'float':
    case 'duration':
      return marks.number;
    case 'symbol':
      return marks.symbol;
    case 'identifier':
      return marks.word;
    default:
      return undefined;
  }
}

function decorate(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  for (const token of tokenize(view.state.doc.toString())) {
    const mark = markOf(token);
    if (mark !== undefined && token.text.length > 0)
      builder.add(token.pos.offset, token.pos.offset + token.text.length, mark);
  }
  return builder.finish();
}

const highlighting = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;

    constructor(view: EditorView) {
      this.decorations = decorate(view);
    }

    update(update: ViewUpdate): void {
      if (update.docChanged) this.decorations = decorate(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

function errorsIn(view: EditorView): Diagnostic[] {
  const text = view.state.doc.toString();
  const read = readQuery(text);
  if (read.kind === 'query') return [];
  const from = Math.min(read.offset, Math.max(0, text.length - 1));
  const word = /^[\w.]+/.exec(text.slice(from))?.[0].length ?? 1;
  return [{ from, to: Math.min(text.length, from + word), severity: 'error', message: read.reason }];
}

async function completions(context: CompletionContext): Promise<CompletionResult | null> {
  const text = context.state.doc.toString();
  const place = complete(text, context.pos);
  const { from, to, prefix, words, attribute, value } = place;
  if (!context.explicit && prefix === '' && value === undefined && !/[{(|.:]\s?$/.test(text.slice(0, context.pos)))
    return null;
  const options = words.map((label) => ({ label, type: 'keyword', boost: 0 }));
  const fromServer = await serverOptions(text, context.pos, attribute, value);
  return { from, to, options: [...fromServer, ...options], validFor: /^[\w.:"`-]*$/ };
}

async function serverOptions(
  text: string,
  offset: number,
  attribute: ReturnType<typeof complete>['attribute'],
  value: ReturnType<typeof complete>['value'],
): Promise<{ label: string; type: string; boost: number }[]> {
  try {
    if (value !== undefined) {
      const values = await attributeValues(printAttribute(value.of), filterAround(text, offset) ?? '');
      return values.map(({ text: label }) => ({ label, type: 'value', boost: 2 }));
    }
    if (attribute === undefined) return [];
    const names = await attributeNames();
    const { scope } = attribute;
    if (scope === 'none') return names.map(({ name }) => ({ label: `.${name}`, type: 'attribute', boost: 1 }));
    return names
      .filter((name) => scope === undefined || name.scope === scope)
      .map((name) => ({ label: name.text, type: 'attribute', boost: 1 }));
  } catch {
    // Words of the language can still be chosen.
    return [];
  }
}

const look = EditorView.theme({
  '&': { fontSize: '13px', color: 'var(--text)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '20px' },
  '.cm-content': { padding: '5px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 10px' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--text-faint)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-soft)',
  },
  '.tq-attribute': { color: 'var(--syntax-attribute)' },
  '.tq-string': { color: 'var(--syntax-string)' },
  '.tq-number': { color: 'var(--syntax-number)' },
  '.tq-symbol': { color: 'var(--text-soft)' },
  '.tq-word': { color: 'var(--syntax-word)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--error)',
    textUnderlineOffset: '3px',
  },
  '.cm-tooltip': {
    border: '1px solid var(--line-strong)',
    borderRadius: '6px',
    backgroundColor: 'var(--bg-raised)',
    color: 'var(--text)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--font-mono)', fontSize: '12px', maxHeight: '300px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--bg-selected)',
    color: 'var(--text)',
  },
  '.cm-completionMatchedText': { textDecoration: 'none', color: 'var(--accent-text)' },
  '.cm-diagnostic': { padding: '4px 10px', borderLeft: '0', fontFamily: 'var(--font-text)' },
});
