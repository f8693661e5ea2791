/** How much of the exact answer an index gives, and how fast. */
import type { ItemIndex } from "./item-index.ts";

export interface IndexMeasure {
  readonly k: number;
  readonly queries: number;
  /** Share of the exact top k that the index returns, mean over queries. */
  readonly recall: number;
  readonly queriesPerSecond: number;
  readonly exactQueriesPerSecond: number;
}

/**
 * @param users encoded users, `[queries, ...userShape]`
 */
export async function measureIndex(
  index: ItemIndex,
  exact: ItemIndex,
  users: Float32Array,
  { k }: { readonly k: number },
): Promise<IndexMeasure> {
  const size = index.userShape.reduce((product, dim) => product * dim, 1);
  const queries = users.length / size;
  const query = (q: number): Float32Array => users.subarray(q * size, (q + 1) * size);
  const run = async (searched: ItemIndex): Promise<{ found: Int32Array[]; perSecond: number }> => {
    const found: Int32Array[] = [];
    const began = performance.now();
    for (let q = 0; q < queries; q++) found.push((await searched.search(query(q), { k })).items);
    return { found, perSecond: queries / ((performance.now() - began) / 1000) };
  };
  const expected = await run(exact);
  const given = await run(index);
  let recall = 0;
  for (const [q, items] of expected.found.entries()) {
    const found = new Set(given.found[q]);
    recall += items.filter((item) => found.has(item)).length / items.length;
  }
  return {
    k,
    queries,
    recall: recall / queries,
    queriesPerSecond: given.perSecond,
    exactQueriesPerSecond: expected.perSecond,
  };
}
