/** What opens below a chip: its operators and values, and the steps from no condition to one. */
import { useState } from 'preact/hooks';
import { literal } from '../base/literal.ts';
import { Button } from '../components/button.tsx';
import { attributeNames, attributeValues } from './attributes.ts';
import { type Comparison, operatorsFor } from './chips.ts';
import { type Choice, ChoiceList } from './choice-list.tsx';
import { attributeOf, shortName } from './query-model.ts';

const durationText = /^\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h)$/;

export interface ConditionSheetProps {
  readonly condition: Comparison;
  /** Values of spans that this query finds are offered. */
  readonly filter: string;
  readonly change: (condition: Comparison) => void;
  readonly close: () => void;
}

export function ConditionSheet({ condition, filter, change, close }: ConditionSheetProps) {
  const { attribute, op, value } = condition;
  const choose = (chosen: string): void => {
    close();
    // Another kind of value may not know the operator.
    change({ ...condition, value: chosen, op: operatorsFor(chosen).includes(op) ? op : '=' });
  };
  return (
    <>
      <fieldset class="operators">
        <legend class="unseen">Operator</legend>
        {operatorsFor(value).map((each) => (
          <Button key={each} kind="quiet" pressed={each === op} onClick={() => change({ ...condition, op: each })}>
            <span class="mono">{each}</span>
          </Button>
        ))}
      </fieldset>
      {durationText.test(value) ? (
        <DurationChoice choose={choose} />
      ) : (
        <ValueChoice attribute={attribute} filter={filter} choose={choose} />
      )}
    </>
  );
}

export interface ValueChoiceProps {
  readonly attribute: string;
  readonly filter: string;
  /** Hears of a literal. */
  readonly choose: (value: string) => void;
}

/** These have no other values. */
const closedAttributes = new Set(['status', 'kind', 'span:status', 'span:kind']);

export function ValueChoice({ attribute, filter, choose }: ValueChoiceProps) {
  return (
    <ChoiceList
      label={`Value of ${shortName(attribute)}`}
      load={async () => {
        const values = await attributeValues(attribute, filter);
        return values.map(({ text, shown }) => ({ key: text, label: shown }));
      }}
      own={closedAttributes.has(attribute) ? () => undefined : ownValue}
      choose={({ key }) => choose(key)}
    />
  );
}

/** Numbers, true, false and durations stand as they are; the rest is a string. */
function ownValue(text: string): Choice {
  const bare = durationText.test(text) || /^(?:-?\d+(?:\.\d+)?|true|false)$/.test(text);
  return { key: bare ? text : literal(text), label: text, note: 'as written' };
}

const thresholds = ['1ms', '10ms', '50ms', '100ms', '250ms', '500ms', '1s', '5s', '10s'];

export function DurationChoice({ choose }: { readonly choose: (value: string) => void }) {
  return (
    <ChoiceList
      label="A duration, like 120ms"
      load={async () => thresholds.map((text) => ({ key: text, label: text }))}
      own={(text) => (durationText.test(text) ? { key: text, label: text, note: 'as written' } : undefined)}
      choose={({ key }) => choose(key)}
    />
  );
}

export interface AttributeStepsProps {
  /** The query whose spans' values of an attribute are offered. */
  readonly filter: (attribute: string) => string;
  readonly add: (condition: Comparison) => void;
}

/** First the attribute, then its value. */
export function AttributeSteps({ filter, add }: AttributeStepsProps) {
  const [attribute, setAttribute] = useState<string | undefined>(undefined);
  if (attribute === undefined) return <AttributeChoice choose={setAttribute} />;
  const isDuration = /duration$/i.test(attribute);
  return isDuration ? (
    <DurationChoice choose={(value) => add({ kind: 'comparison', attribute, op: '>=', value })} />
  ) : (
    <ValueChoice
      key={attribute}
      attribute={attribute}
      filter={filter(attribute)}
      choose={(value) => add({ kind: 'comparison', attribute, op: '=', value })}
    />
  );
}

const intrinsics = ['name', 'status', 'kind', 'duration', 'statusMessage', 'rootName', 'rootServiceName'];

/** A name alone is looked for in every scope. */
function ownAttribute(text: string): Choice | undefined {
  const written = [text, `.${text}`].find((each) => attributeOf(each) !== undefined);
  return written === undefined ? undefined : { key: written, label: written, note: 'as written' };
}

export function AttributeChoice({ choose }: { readonly choose: (attribute: string) => void }) {
  return (
    <ChoiceList
      label="Attribute"
      load={async () => {
        const names = await attributeNames();
        return [
          ...names.map(({ name, scope, text }) => ({ key: text, label: name, note: scope })),
          ...[...intrinsics, 'traceDuration'].map((key) => ({ key, label: key })),
        ];
      }}
      own={ownAttribute}
      choose={({ key }) => choose(key)}
    />
  );
}
