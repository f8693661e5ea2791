/** What the combined ranking losses must be by their definition, and the gradients by which they teach. */
import { describe, expect, test } from "vitest";
import { judge, runGraph } from "../../test/graph/run.ts";
import { grad } from "../autodiff/index.ts";
import { CounterRandom } from "../core/index.ts";
import { type HostTensor, hostTensor } from "../onnx/index.ts";
import { add, sub } from "../ops/index.ts";
import { constant, input, type Tensor } from "../tensor/index.ts";
import {
  binaryCrossEntropy,
  combinedRankingLoss,
  focalWeights,
  jointRankingLoss,
  listwiseLoss,
  pairwiseLoss,
  rankingKinds,
  sampledPairwiseLoss,
} from "./index.ts";

const z = input("z", ["batch"]);
const y = input("y", ["batch"]);
const w = input("w", ["batch"]);
const g = input("g", ["batch"], "int32");
const key = input("key", [], "uint32");

interface Rows {
  readonly logits: readonly number[];
  readonly labels: readonly number[];
  readonly weights?: readonly number[];
  readonly groups?: readonly number[];
}

async function computed(build: { readonly [name: string]: Tensor }, rows: Rows, seed = 0) {
  const { logits, labels, weights = logits.map(() => 1), groups = logits.map(() => 0) } = rows;
  const size = [logits.length];
  // Leaves in double precision, so that identities hold to their last digits.
  const double = (data: readonly number[]): HostTensor => ({
    dtype: "float64",
    dims: size,
    data: Float64Array.from(data),
  });
  const values = new Map<Tensor, HostTensor>([
    [z, double(logits)],
    [y, hostTensor("float32", size, labels)],
    [w, double(weights)],
    [g, hostTensor("int32", size, groups)],
    [key, hostTensor("uint32", [], [seed])],
  ]);
  const results = await runGraph(judge, build, values);
  return (name: string) => Array.from(results[name].data as Float64Array);
}

const random = new CounterRandom(5, "rows");
const logits = Array.from({ length: 9 }, (_, i) => 1.3 * random.normal(i));
const labels = [1, 0, 0, 1, 0, 0, 0, 1, 0];
const rows: Rows = { logits, labels };
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const positives = labels.flatMap((label, i) => (label === 1 ? [i] : []));
const negatives = labels.flatMap((label, i) => (label === 0 ? [i] : []));

function expectAll(received: readonly number[], expected: readonly number[], digits = 12): void {
  expect(received.length).toBe(expected.length);
  for (const [k, value] of expected.entries()) expect(received[k]).toBeCloseTo(value, digits);
}

describe("pairwise", () => {
  test("of one pair is log(1 + e^{-(z⁺ - z⁻)})", async () => {
    const at = await computed(
      { loss: pairwiseLoss({ logits: z, labels: y }) },
      { logits: [0.3, 1.1], labels: [0, 1] },
    );
    expect(at("loss")[0]).toBeCloseTo(Math.log1p(Math.exp(-(1.1 - 0.3))), 12);
  });

  test("gradients are those in closed form, and add up to zero", async () => {
    const loss = pairwiseLoss({ logits: z, labels: y });
    const at = await computed({ loss, gradient: grad(loss, [z])[0] }, rows);
    const pairs = positives.length * negatives.length;
    const expected = labels.map((label, k) =>
      label === 0
        ? positives.reduce((sum, i) => sum + sigmoid(logits[k] - logits[i]), 0) / pairs
        : -negatives.reduce((sum, j) => sum + sigmoid(logits[j] - logits[k]), 0) / pairs,
    );
    expectAll(at("gradient"), expected);
    expect(at("gradient").reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 12);
  });

  test("a constant added to all logits changes nothing", async () => {
    const loss = pairwiseLoss({ logits: z, labels: y });
    const moved = pairwiseLoss({ logits: add(z, constant(3)), labels: y });
    const at = await computed({ loss, moved }, rows);
    expect(at("moved")[0]).toBeCloseTo(at("loss")[0], 12);
  });

  test("negatives of equal logits have half of 1/|Q| each, whatever the positive rate", async () => {
    const loss = pairwiseLoss({ logits: z, labels: y });
    for (const ones of [1, 3]) {
      const equal = {
        logits: Array<number>(9).fill(-2),
        labels: Array.from({ length: 9 }, (_, i) => (i < ones ? 1 : 0)),
      };
      const at = await computed({ loss, gradient: grad(loss, [z])[0] }, equal);
      expectAll(at("gradient").slice(ones), Array<number>(9 - ones).fill(0.5 / (9 - ones)));
    }
  });

  test("drawn pairs have the mean of all pairs", async () => {
    const loss = pairwiseLoss({ logits: z, labels: y });
    const drawn = sampledPairwiseLoss({ logits: z, labels: y }, { pairs: 400, key });
    const values: number[] = [];
    let all = 0;
    for (let seed = 0; seed < 40; seed++) {
      const at = await computed({ loss, drawn }, rows, seed);
      values.push(at("drawn")[0]);
      all = at("loss")[0];
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    expect(Math.abs(mean - all)).toBeLessThan(4 * Math.sqrt(variance / values.length));
  });
});

test("of a negative at the base rate, the pairwise gradient is 1/(2 rate (1-rate)) times that of cross entropy", async () => {
  const size = 200;
  for (const ones of [2, 20, 50]) {
    const rate = ones / size;
    const base = Math.log(rate / (1 - rate));
    const batch = {
      logits: Array<number>(size).fill(base),
      labels: Array.from({ length: size }, (_, i) => (i < ones ? 1 : 0)),
    };
    const pair = pairwiseLoss({ logits: z, labels: y });
    const entropy = binaryCrossEntropy(z, y);
    const at = await computed({ pair, entropy, p: grad(pair, [z])[0], b: grad(entropy, [z])[0] }, batch);
    expect(at("b")[size - 1]).toBeCloseTo(rate / size, 12);
    expect(at("p")[size - 1] / at("b")[size - 1]).toBeCloseTo(0.5 / (rate * (1 - rate)), 8);
  }
});

describe("combined", () => {
  const weights = labels.map((label) => (label === 1 ? 0.25 : 1));

  test.each(rankingKinds)("%s with alpha 1 is the weighted cross entropy over N", async (kind) => {
    const loss = combinedRankingLoss({ logits: z, labels: y, weights: w }, { kind, alpha: 1 });
    const at = await computed({ loss }, { ...rows, weights });
    const expected = logits.map(
      (x, i) => weights[i] * -Math.log(labels[i] === 1 ? sigmoid(x) : 1 - sigmoid(x)),
    );
    expect(at("loss")[0]).toBeCloseTo(expected.reduce((sum, value) => sum + value, 0) / labels.length, 12);
  });

  test.each(rankingKinds)("%s of a batch of one class is its share of cross entropy", async (kind) => {
    const alpha = 0.25;
    for (const label of [0, 1]) {
      const loss = combinedRankingLoss({ logits: z, labels: y }, { kind, alpha });
      const entropy = binaryCrossEntropy(z, y);
      const batch = { logits, labels: logits.map(() => label) };
      const at = await computed({ loss, entropy, gradient: grad(loss, [z])[0] }, batch);
      expect(at("gradient").every(Number.isFinite)).toBe(true);
      if (kind === "none" || kind === "jrc") continue; // nothing to leave out, or rows of one class compared
      expect(at("loss")[0]).toBeCloseTo(alpha * at("entropy")[0], 10);
    }
  });

  test.each(rankingKinds)("%s within one group is that of the whole batch", async (kind) => {
    const given = { logits: z, labels: y, weights: w };
    const whole = combinedRankingLoss(given, { kind, alpha: 0.5 });
    const grouped = combinedRankingLoss({ ...given, groups: g }, { kind, alpha: 0.5 });
    const at = await computed({ whole, grouped }, { ...rows, weights, groups: logits.map(() => 7) });
    expect(at("grouped")[0]).toBeCloseTo(at("whole")[0], 12);
  });

  test("pairs within groups are pairs of one group only", async () => {
    const loss = pairwiseLoss({ logits: z, labels: y, groups: g });
    const at = await computed(
      { loss, gradient: grad(loss, [z])[0] },
      { logits: [1, 2, 3, 4], labels: [1, 0, 1, 0], groups: [1, 1, 2, 3] },
    );
    expect(at("loss")[0]).toBeCloseTo(Math.log1p(Math.exp(2 - 1)), 12);
    expectAll(at("gradient").slice(2), [0, 0]);
  });

  test("large logits stay finite in lists", async () => {
    const loss = listwiseLoss({ logits: z, labels: y });
    const sigmoids = listwiseLoss({ logits: z, labels: y }, { score: "sigmoid" });
    const at = await computed({ loss, sigmoids }, { logits: [800, -900, 5], labels: [0, 1, 0] });
    expect(at("loss")[0]).toBeCloseTo(1700, 6);
    expect(at("sigmoids")[0]).toBeCloseTo(Math.log(1 + sigmoid(5)) + 900, 6);
  });
});

test("JRC with z⁰ fixed at 0 has cross entropy as its calibration part", async () => {
  const zero = sub(z, z);
  const calibration = combinedRankingLoss({ logits: sub(z, zero), labels: y }, { kind: "jrc", alpha: 1 });
  const entropy = binaryCrossEntropy(z, y);
  const ranking = jointRankingLoss({ click: z, none: zero }, { labels: y });
  const at = await computed({ calibration, entropy, ranking }, rows);
  expect(at("calibration")[0]).toBeCloseTo(at("entropy")[0], 12);
  // Rows of no click compare equal zeros: ln N each.
  const all = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
  const expected = labels.map((label, i) => (label === 1 ? all - logits[i] : Math.log(labels.length)));
  expect(at("ranking")[0]).toBeCloseTo(expected.reduce((sum, x) => sum + x, 0) / labels.length, 10);
});

describe("focal weights", () => {
  test("with gamma 0 are 1", async () => {
    const at = await computed({ weights: focalWeights(z, y, 0) }, rows);
    expectAll(
      at("weights"),
      labels.map(() => 1),
    );
  });

  test("of negatives have mean 1 and rise with p; of positives are (1-p)^gamma", async () => {
    const at = await computed({ weights: focalWeights(z, y, 2) }, rows);
    const found = at("weights");
    expect(negatives.reduce((sum, j) => sum + found[j], 0) / negatives.length).toBeCloseTo(1, 12);
    for (const i of positives) expect(found[i]).toBeCloseTo((1 - sigmoid(logits[i])) ** 2, 12);
    const byLogit = [...negatives].sort((a, b) => logits[a] - logits[b]).map((j) => found[j]);
    expect(byLogit).toEqual([...byLogit].sort((a, b) => a - b));
  });
});
