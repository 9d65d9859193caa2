/** How a search finds traces in one fragment, whatever was asked. */
import type { Intrinsic, Pipeline } from '../../traceql/ast.ts';
import type { SearchRequest } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { type CompiledPipeline, compilePipeline } from '../spansets/pipeline.ts';
import { type Mentions, mentionsOf } from './mentions.ts';
import { compileTagSearch } from './tag-search.ts';

/** The sets of a range are its matching traces. */
export type Matcher = CompiledPipeline;

export interface SearchPlan {
  readonly mentions: Mentions;
  /** False for searches by tags: their answers have no spans. */
  readonly withSpans: boolean;
  /**
   * What of a trace's root is left out of the answer. Tempo leaves out the root's service or name when that is what the
   * spans are grouped by (corpus: group-015); the group's attribute has it.
   */
  readonly withoutRoot: { readonly service: boolean; readonly name: boolean };
  compile(fragment: Fragment): Matcher;
}

export function planSearch({ query }: Pick<SearchRequest, 'query'>): SearchPlan {
  if ('tags' in query) {
    return {
      mentions: { attributes: [], name: false },
      withSpans: false,
      withoutRoot: { service: false, name: false },
      compile: (fragment) => compileTagSearch(query, fragment),
    };
  }
  return {
    mentions: mentionsOf(query.pipeline),
    withSpans: true,
    withoutRoot: {
      service: groupsBy(query.pipeline, 'trace:rootService'),
      name: groupsBy(query.pipeline, 'trace:rootName'),
    },
    compile: (fragment) => compilePipeline(query.pipeline, fragment),
  };
}

function groupsBy(pipeline: Pipeline, intrinsic: Intrinsic): boolean {
  return pipeline.stages.some(
    (stage) => stage.kind === 'group' && stage.by.kind === 'intrinsic' && stage.by.intrinsic === intrinsic,
  );
}
