/** What the page is about: the query, which spans count, and what they are grouped by. */
import { useEffect, useId, useState } from 'preact/hooks';
import type { ScopedTagNamesResponse } from '../../../src/api/contract/index.ts';
import { parseAttribute } from '../../../src/traceql/parser.ts';
import { quoteName } from '../../../src/traceql/strings.ts';
import { Button } from '../components/button.tsx';
import { type SpanChoice, SpanChoices } from './query.ts';

interface QueryBarProps {
  readonly q: string;
  readonly problem: string | undefined;
  readonly spans: SpanChoice;
  readonly by: string;
  readonly names: ScopedTagNamesResponse | undefined;
  readonly setQuery: (q: string) => void;
  readonly setSpans: (choice: SpanChoice) => void;
  readonly setBy: (attribute: string) => void;
}

const choiceNames: Readonly<Record<SpanChoice, string>> = {
  requests: 'Requests',
  roots: 'Root spans',
  all: 'All spans',
};

const intrinsics = ['name', 'kind', 'status', 'statusMessage', 'rootName', 'rootServiceName'];

export function QueryBar(props: QueryBarProps) {
  const { q, problem, spans, by, names, setQuery, setSpans, setBy } = props;
  const [text, setText] = useState(q);
  const [attribute, setAttribute] = useState(by);
  const list = useId();
  useEffect(() => setText(q), [q]);
  useEffect(() => setAttribute(by), [by]);
  const choose = (name: string): void => {
    setAttribute(name);
    if (isAttribute(name.trim())) setBy(name.trim());
  };
  return (
    <form
      class="query-bar"
      onSubmit={(event) => {
        event.preventDefault();
        setQuery(text.trim());
      }}
    >
      <input
        class="field mono"
        aria-label="TraceQL filter"
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${list}-problem`}
        placeholder='{ } all, or for example { resource.service.name = "checkout" && status = error }'
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Button type="submit" kind="primary">
        Run
      </Button>
      <fieldset class="choices">
        <legend class="unseen">Which spans count</legend>
        {SpanChoices.map((choice) => (
          <Button key={choice} pressed={choice === spans} onClick={() => setSpans(choice)}>
            {choiceNames[choice]}
          </Button>
        ))}
      </fieldset>
      <label class="by">
        by
        <input
          class="field mono"
          list={list}
          value={attribute}
          aria-invalid={!isAttribute(attribute.trim())}
          spellcheck={false}
          onFocus={(event) => event.currentTarget.select()}
          onInput={(event) => setAttribute(event.currentTarget.value)}
          onChange={(event) => choose(event.currentTarget.value)}
        />
      </label>
      <datalist id={list}>
        {attributeNames(names).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {problem !== undefined && (
        <p id={`${list}-problem`} class="error-text query-problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

function isAttribute(text: string): boolean {
  try {
    parseAttribute(text);
    return true;
  } catch {
    return false;
  }
}

function attributeNames(names: ScopedTagNamesResponse | undefined): string[] {
  const scoped = (names?.scopes ?? [])
    .filter(({ name }) => name === 'resource' || name === 'span')
    .flatMap(({ name: scope, tags }) => (tags ?? []).map((tag) => `${scope}.${quoteName(tag)}`));
  return [...intrinsics, ...scoped.sort()];
}
