/**
 * The attributes that come back with each span: those the query names, with these rules of Tempo's answers.
 *
 * - One that a condition tests comes back when the span meets that condition (one of them, if there are several), also
 *   when the span was found for another reason. Of an array only the elements that meet it come back, of several events
 *   the last that does. One that is tested for absence comes back as nil.
 * - One that is selected, grouped by, aggregated, calculated with or tested under a negation comes back as it is, and a
 *   selected one that the span lacks as nil.
 * - Name, duration, ids and everything about the trace have fields of their own; their attributes are left out.
 */
import type { AttributeRef, FieldExpression, Pipeline, PipelineStage, ScalarExpression } from '../../traceql/ast.ts';
import { mirror } from '../expression/compile.ts';
import { constantValue } from '../expression/expression.ts';
import { meets, type Predicate, predicate } from '../expression/predicate.ts';
import { Type, type Value } from '../expression/value.ts';

export interface Mention {
  readonly ref: AttributeRef;
  readonly key: string;
  /** The value comes back whatever it is. */
  always: boolean;
  /** The value comes back when it meets one of them. */
  readonly predicates: Predicate[];
  /** Nil comes back when there is no value. */
  showsNil: boolean;
}

export interface Mentions {
  readonly attributes: readonly Mention[];
  /** The span's name is mentioned. */
  readonly name: boolean;
}

export function mentionsOf(pipeline: Pipeline): Mentions {
  const collector = new Collector();
  collector.pipeline(pipeline);
  return { attributes: [...collector.mentions.values()], name: collector.name };
}

/** Whether a value of the mention comes back. */
export function isShown(mention: Mention, value: Value): boolean {
  return mention.always || mention.predicates.some((condition) => meets(condition, value));
}

/** Keys of intrinsics; those that are missing here do not come back as attributes. */
const intrinsicKeys: Readonly<Record<string, string>> = {
  'span:status': 'status',
  'span:statusMessage': 'statusMessage',
  'span:kind': 'kind',
  'span:parentID': 'span:parentID',
  'span:childCount': 'span:childCount',
  'event:name': 'event:name',
  'event:timeSinceStart': 'event:timeSinceStart',
  'link:traceID': 'link:traceID',
  'link:spanID': 'link:spanID',
  'instrumentation:name': 'instrumentation:name',
  'instrumentation:version': 'instrumentation:version',
  nestedSetLeft: 'nestedSetLeft',
  nestedSetRight: 'nestedSetRight',
  nestedSetParent: 'nestedSetParent',
};

class Collector {
  readonly mentions = new Map<string, Mention>();
  name = false;

  pipeline(pipeline: Pipeline): void {
    for (const stage of pipeline.stages) this.#stage(stage);
  }

  #stage(stage: PipelineStage): void {
    switch (stage.kind) {
      case 'spansetFilter':
        this.#condition(stage.expression);
        return;
      case 'spansetOperation':
        this.#stage(stage.lhs);
        this.#stage(stage.rhs);
        return;
      case 'pipeline':
        this.pipeline(stage);
        return;
      case 'scalarFilter':
        this.#scalar(stage.lhs);
        this.#scalar(stage.rhs);
        return;
      case 'group':
        this.#whole(stage.by);
        return;
      case 'select':
        for (const ref of stage.attributes) this.#always(ref, ref.kind === 'attribute');
        return;
      case 'coalesce':
        return;
    }
  }

  #scalar(scalar: ScalarExpression): void {
    if (scalar.kind === 'aggregate' && scalar.expression !== undefined) this.#whole(scalar.expression);
  }

  #condition(expression: FieldExpression): void {
    if (expression.kind !== 'binary') {
      this.#whole(expression);
      return;
    }
    const { op, lhs, rhs } = expression;
    if (op === '&&' || op === '||') {
      this.#condition(lhs);
      this.#condition(rhs);
      return;
    }
    const mirrored = mirror[op];
    if (!this.#test(lhs, op, rhs) && !(mirrored !== undefined && this.#test(rhs, mirrored, lhs))) {
      this.#whole(expression);
    }
  }

  /** `attribute op literal`; false when it is something else. */
  #test(ref: FieldExpression, op: Predicate['op'], other: FieldExpression): boolean {
    if (ref.kind !== 'attribute' && ref.kind !== 'intrinsic') return false;
    const literal = constantValue(other);
    if (literal === undefined || op === 'present') return false;
    if (literal.type === Type.nil) {
      if (op === '!=') this.#always(ref, false);
      else this.#mention(ref, (mention) => (mention.showsNil = true));
    } else if (ref.kind === 'intrinsic' && ref.intrinsic.startsWith('nestedSet')) {
      this.#always(ref, false);
    } else if (ref.kind === 'intrinsic' || literal.type !== Type.duration) {
      this.#mention(ref, (mention) => mention.predicates.push(predicate(op, literal)));
    }
    return true;
  }

  #whole(expression: FieldExpression): void {
    switch (expression.kind) {
      case 'static':
        return;
      case 'attribute':
      case 'intrinsic':
        this.#always(expression, false);
        return;
      case 'unary':
        this.#whole(expression.operand);
        return;
      case 'binary':
        this.#whole(expression.lhs);
        this.#whole(expression.rhs);
    }
  }

  #always(ref: AttributeRef, showsNil: boolean): void {
    this.#mention(ref, (mention) => {
      mention.always = true;
      mention.showsNil ||= showsNil;
    });
  }

  #mention(ref: AttributeRef, change: (mention: Mention) => void): void {
    if (ref.kind === 'intrinsic' && ref.intrinsic === 'span:name') this.name = true;
    const key = ref.kind === 'attribute' ? ref.name : intrinsicKeys[ref.intrinsic];
    if (key === undefined) return;
    const id = ref.kind === 'attribute' ? `${ref.scope} ${ref.name}` : ref.intrinsic;
    let mention = this.mentions.get(id);
    if (mention === undefined) {
      mention = { ref, key, always: false, predicates: [], showsNil: false };
      this.mentions.set(id, mention);
    }
    change(mention);
  }
}
