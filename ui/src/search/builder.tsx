/** The query as chips, for those who do not know the language: every change writes the text. */
import { useRef } from 'preact/hooks';
import { useKeys } from '../app/keys.ts';
import { Icon } from '../components/icons.tsx';
import { Menu } from '../components/menu.tsx';
import { addCondition, type Chips, type Comparison, type Condition, chipsOf, conditionText, textOf } from './chips.ts';
import { AttributeSteps, ConditionSheet, DurationChoice, ValueChoice } from './condition-sheets.tsx';
import { readQuery, shortName } from './query-model.ts';
import './chips.css';

export interface BuilderProps {
  /** What stands in the editor. */
  readonly text: string;
  readonly run: (text: string) => void;
}

const none: Chips = { conditions: [], rest: '' };

export function Builder({ text, run }: BuilderProps) {
  const last = useRef<Chips>(none);
  const more = useRef<HTMLButtonElement>(null);
  const chips = chipsOf(text);
  if (chips !== undefined) last.current = chips;
  useKeys(() => [{ keys: 'a', does: 'Add a condition', group: 'Search', run: () => more.current?.click() }]);
  const unfinished = chips === undefined && readQuery(text).kind === 'bad';
  if (chips === undefined && !unfinished) {
    return (
      <p class="builder faint">
        Conditions are shown for queries of one {'{ … }'}. This one combines several: it runs as it is written.
      </p>
    );
  }
  // While a query is being written the conditions that were there stay in sight, so that nothing jumps.
  const { conditions, rest } = last.current;
  const set = (changed: readonly Condition[]): void => run(textOf({ conditions: changed, rest }));
  const add = (added: Comparison): void => set(addCondition(conditions, added));
  /** Values are those of spans that meet the other conditions. */
  const others = (attribute: string): string =>
    textOf({ conditions: conditions.filter((each) => !isOn(each, attribute)), rest: '' });
  return (
    <div class="builder" inert={unfinished} data-unfinished={unfinished}>
      {conditions.map((condition, index) => (
        <Chip
          key={index}
          condition={condition}
          filter={condition.kind === 'comparison' ? others(condition.attribute) : ''}
          remove={() => set(conditions.toSpliced(index, 1))}
          change={(changed) => set(conditions.with(index, changed))}
        />
      ))}
      {rest !== '' && <span class="builder-rest mono faint ellipsis">{rest.trim()}</span>}
      <span class="builder-adds">
        {quickAttributes
          .filter(({ attribute }) => !conditions.some((each) => isOn(each, attribute)))
          .map(({ attribute, label }) => (
            <Menu key={attribute} role="dialog" kind="quiet" title={`Choose ${label}`} label={label}>
              {(close) => {
                const choose = (op: string, value: string): void => {
                  close();
                  add({ kind: 'comparison', attribute, op, value });
                };
                return attribute === 'duration' ? (
                  <DurationChoice choose={(value) => choose('>=', value)} />
                ) : (
                  <ValueChoice
                    attribute={attribute}
                    filter={others(attribute)}
                    choose={(value) => choose('=', value)}
                  />
                );
              }}
            </Menu>
          ))}
        <Menu
          role="dialog"
          kind="quiet"
          title="Add a condition (a)"
          buttonRef={more}
          label={
            <>
              <Icon name="plus" />
              condition
            </>
          }
        >
          {(close) => (
            <AttributeSteps
              filter={others}
              add={(condition) => {
                close();
                add(condition);
              }}
            />
          )}
        </Menu>
      </span>
      {unfinished && <span class="unseen">Conditions follow when the query can be read.</span>}
    </div>
  );
}

const quickAttributes: readonly { readonly attribute: string; readonly label: string }[] = [
  { attribute: 'resource.service.name', label: 'service' },
  { attribute: 'name', label: 'operation' },
  { attribute: 'status', label: 'status' },
  { attribute: 'duration', label: 'duration' },
];

const isOn = (condition: Condition, attribute: string): boolean =>
  condition.kind === 'comparison' && condition.attribute === attribute;

interface ChipProps {
  readonly condition: Condition;
  readonly filter: string;
  readonly remove: () => void;
  readonly change: (condition: Comparison) => void;
}

function Chip({ condition, filter, remove, change }: ChipProps) {
  const text = conditionText(condition);
  return (
    <span class="chip" title={text}>
      {condition.kind === 'comparison' ? (
        <Menu
          role="dialog"
          kind="quiet"
          title={`Change ${text}`}
          label={
            <>
              <span class="chip-name">{shortName(condition.attribute)}</span>
              <span class="chip-op">{condition.op}</span>
              <span class="chip-value ellipsis">{condition.value.replace(/^"(.*)"$/, '$1')}</span>
            </>
          }
        >
          {(close) => <ConditionSheet condition={condition} filter={filter} change={change} close={close} />}
        </Menu>
      ) : (
        <span class="chip-other mono ellipsis">{text}</span>
      )}
      <button type="button" class="chip-remove" aria-label={`Remove ${text}`} onClick={remove}>
        <Icon name="close" />
      </button>
    </span>
  );
}
