/**
 * Span names with their variable parts taken out, for senders that put ids into names: names are put into clusters by
 * their words, and words in which a cluster's names differ become `<_>`. Drain: P. He et al., 2017.
 *
 *   "GET /users/17", "GET /users/18"  ─►  GET /users/<_>
 *
 * Names are looked at by the number of their words and by the first one; of the clusters there, the one that shares the
 * most words takes the name, if it shares enough.
 */

interface Cluster {
  readonly words: (string | undefined)[];
}

/** Share of words that a name must have in common with its cluster. */
const similarityMin = 0.5;
/** Clusters behind one number of words and first word. Beyond it names stay as they are. */
const clustersMax = 100;
const leavesMax = 1000;
const variable = '<_>';

export class SpanNames {
  /** Names that became others, counted once for each distinct span group and table. */
  changed = 0;
  readonly #mode: 'as_they_are' | 'dry_run' | 'clustered';
  readonly #leaves = new Map<string, Cluster[]>();

  constructor(mode: 'as_they_are' | 'dry_run' | 'clustered') {
    this.#mode = mode;
  }

  /** The label for a name. */
  readonly nameOf = (name: string): string => {
    if (this.#mode === 'as_they_are') return name;
    const clustered = this.#cluster(name);
    if (clustered !== name) this.changed++;
    return this.#mode === 'clustered' ? clustered : name;
  };

  #cluster(name: string): string {
    const { words, separators } = split(name);
    const clusters = this.#leafOf(`${words.length} ${firstWord(words)}`);
    if (clusters === undefined) return name;
    let best: Cluster | undefined;
    let bestShared = Math.ceil(words.length * similarityMin) - 1;
    for (const cluster of clusters) {
      let shared = 0;
      for (let i = 0; i < words.length; i++) if (cluster.words[i] === words[i]) shared++;
      if (shared > bestShared) [best, bestShared] = [cluster, shared];
    }
    if (best === undefined) {
      if (clusters.length < clustersMax) clusters.push({ words });
      return join(words, separators);
    }
    for (let i = 0; i < words.length; i++) if (best.words[i] !== words[i]) best.words[i] = undefined;
    return join(best.words, separators);
  }

  #leafOf(key: string): Cluster[] | undefined {
    let clusters = this.#leaves.get(key);
    if (clusters === undefined && this.#leaves.size < leavesMax) this.#leaves.set(key, (clusters = []));
    return clusters;
  }
}

/** Words and what stands between them. Numbers and ids are variable from the start. */
function split(name: string): { words: (string | undefined)[]; separators: string[] } {
  const words: (string | undefined)[] = [];
  const separators: string[] = [];
  let at = 0;
  for (const match of name.matchAll(/[\s/:.,=|()[\]{}]+/g)) {
    words.push(wordOf(name.slice(at, match.index)));
    separators.push(match[0]);
    at = match.index + match[0].length;
  }
  words.push(wordOf(name.slice(at)));
  return { words, separators };
}

function wordOf(text: string): string | undefined {
  return /^[0-9]+$|^[0-9a-fA-F-]{8,}$/.test(text) && /[0-9]/.test(text) ? undefined : text;
}

function firstWord(words: readonly (string | undefined)[]): string {
  return words.find((word) => word !== undefined && word !== '') ?? '';
}

function join(words: readonly (string | undefined)[], separators: readonly string[]): string {
  let text = words[0] ?? variable;
  for (let i = 0; i < separators.length; i++) text += separators[i]! + (words[i + 1] ?? variable);
  return text;
}
