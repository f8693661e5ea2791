/**
 * The choice of a mixture: coefficients Λ on the simplex that score best, `argmax P(Σ Λ_b θ_b)`.
 *
 * Exhaustive: every Λ whose entries are multiples of 1/n. Greedy: branches by their own score, best first;
 * each next one gets `a·U`, a on the grid, U the mean coefficient so far, and keeps what scores best after
 * normalising; 0 is on the grid, so the score never falls below the best single branch's.
 */
export interface MergeChoice {
  /** Λ, in the order of the branches. */
  readonly coefficients: readonly number[];
  /** P of the mixture. */
  readonly score: number;
  /** P of each branch alone. */
  readonly branchScores: readonly number[];
  /** Mixtures scored, branches included. */
  readonly evaluations: number;
}

/** What a merge came to; plain JSON. */
export interface MergeRecord {
  /** Branches by their number among all, with their coefficients and own validation scores. */
  readonly branches: readonly number[];
  readonly coefficients: readonly number[];
  readonly branchScores: readonly (number | null)[];
  readonly score: number | null;
}

/** P of a mixture, higher is better; -Infinity where it is undefined. */
export type Score = (coefficients: readonly number[]) => Promise<number>;

export interface MergeSearch {
  readonly search: "greedy" | "exhaustive";
  /** n */
  readonly gridSteps: number;
}

export async function chooseMixture(
  branches: number,
  { search, gridSteps }: MergeSearch,
  score: Score,
): Promise<MergeChoice> {
  let evaluations = 0;
  const count: Score = (coefficients) => {
    evaluations++;
    return score(coefficients);
  };
  const corner = (b: number): number[] => Array.from({ length: branches }, (_, k) => (k === b ? 1 : 0));
  const branchScores: number[] = [];
  for (let b = 0; b < branches; b++) branchScores.push(await count(corner(b)));
  const order = branchScores.map((_, b) => b).sort((a, b) => branchScores[b] - branchScores[a] || a - b);
  // The best corner is where both searches begin; of equal scores the earlier mixture stays.
  const start: Best = { coefficients: corner(order[0]), score: branchScores[order[0]] };
  const best =
    search === "exhaustive"
      ? await exhaustive(branches, gridSteps, count, start)
      : await greedy(order, gridSteps, count, start);
  return { ...best, branchScores, evaluations };
}

interface Best {
  readonly coefficients: readonly number[];
  readonly score: number;
}

async function exhaustive(branches: number, gridSteps: number, score: Score, start: Best): Promise<Best> {
  let best = start;
  for (const parts of compositions(gridSteps, branches)) {
    if (parts.includes(gridSteps)) continue; // a corner, scored before
    const coefficients = parts.map((part) => part / gridSteps);
    const value = await score(coefficients);
    if (value > best.score) best = { coefficients, score: value };
  }
  return best;
}

async function greedy(order: readonly number[], gridSteps: number, score: Score, start: Best): Promise<Best> {
  let best = start;
  let placed = [...start.coefficients];
  for (const [k, b] of order.entries()) {
    if (k === 0) continue;
    const unit = placed.reduce((sum, c) => sum + c, 0) / k;
    let kept = placed;
    for (let step = 1; step <= gridSteps; step++) {
      const raw = placed.map((c, at) => (at === b ? (unit * step) / gridSteps : c));
      const total = raw.reduce((sum, c) => sum + c, 0);
      const coefficients = raw.map((c) => c / total);
      const value = await score(coefficients);
      if (value > best.score) {
        best = { coefficients, score: value };
        kept = raw;
      }
    }
    placed = [...kept];
  }
  return best;
}

/** Ways to write `total` as an ordered sum of `parts` whole numbers. */
function* compositions(total: number, parts: number): Generator<number[]> {
  if (parts === 1) {
    yield [total];
    return;
  }
  for (let first = total; first >= 0; first--)
    for (const rest of compositions(total - first, parts - 1)) yield [first, ...rest];
}
