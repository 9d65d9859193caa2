/** Targets that do what the watching thread is there for. */
import type { Target } from './targets.ts';

const seeds = [Buffer.from('seed')];
const kept: number[][] = [];
let runs = 0;

export const targets: readonly Target[] = [
  {
    name: 'endless',
    seeds,
    run() {
      for (const last = ++runs === 100; last; );
    },
  },
  {
    name: 'never answers',
    seeds,
    run: () => new Promise(() => {}),
  },
  {
    name: 'hungry',
    seeds,
    run() {
      for (;;) kept.push(Array.from({ length: 1e5 }, (_, i) => i + kept.length));
    },
  },
  {
    name: 'crash',
    seeds,
    run() {
      throw new TypeError('x is undefined');
    },
  },
];
