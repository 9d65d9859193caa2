/** How a search finds traces in one fragment, whatever was asked. */
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
  compile(fragment: Fragment): Matcher;
}

export function planSearch({ query }: SearchRequest): SearchPlan {
  if ('tags' in query) {
    return {
      mentions: { attributes: [], name: false },
      withSpans: false,
      compile: (fragment) => compileTagSearch(query, fragment),
    };
  }
  return {
    mentions: mentionsOf(query.pipeline),
    withSpans: true,
    compile: (fragment) => compilePipeline(query.pipeline, fragment),
  };
}
