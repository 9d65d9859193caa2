/** `static_configs`: targets that stand in the configuration. */
import { type Discovery, type StaticGroup, staticTargets } from './target.ts';

export function staticDiscovery(groups: readonly StaticGroup[]): Discovery {
  return {
    status: { kind: 'static', failures: 0, lastError: undefined },
    async run(onGroup) {
      for (const [index, group] of groups.entries()) onGroup(`static/${index}`, staticTargets(group));
    },
  };
}
