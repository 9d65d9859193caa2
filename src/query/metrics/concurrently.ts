/**
 * Runs `work` for all items, at most `limit` at a time. Takes the items out of the array as it goes, so that what they
 * hold can be freed. The first error keeps it from taking on more, and is thrown when what runs has ended.
 */
export async function consumeConcurrently<Item>(
  items: Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  items.reverse();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let item = items.pop(); item !== undefined && failures.length === 0; item = items.pop()) {
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}

/** Fragments that one query reads at the same time: enough to wait for an object store only a few times. */
export const concurrentFragments = 8;
