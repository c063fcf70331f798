/** Work at most so many at a time. */

/** @returns what came of each, in the order of the items; rejects with the first failure */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** Like inParallel(), with what will come of each by item. A failure is of its own item alone. */
export function started<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Map<T, Promise<R>> {
  const promised = new Map(items.map((item) => [item, Promise.withResolvers<R>()]));
  void inParallel(items, limit, async (item) => {
    const { resolve, promise } = promised.get(item) as PromiseWithResolvers<R>;
    resolve(work(item));
    await promise.catch(() => undefined); // told to whoever asks for this item
  });
  return new Map([...promised].map(([item, { promise }]) => [item, promise]));
}
