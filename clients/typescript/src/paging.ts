import type { Page, PageQuery } from './types.js';

/** The items of all pages, each page fetched when the one before is used up. */
export async function* itemsOf<T, Q extends PageQuery>(
  query: Q,
  fetchPage: (query: Q) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let startKey = query.startKey;
  do {
    const page = await fetchPage({ ...query, ...(startKey === undefined ? {} : { startKey }) });
    yield* page.items;
    startKey = page.lastEvaluatedKey;
  } while (startKey !== undefined);
}
