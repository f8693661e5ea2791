/** The identities of random features and the posterior on them, and the bound on hidden layers. */
import { describe, expect, test } from "vitest";
import { judge, runGraph } from "../../test/graph/run.ts";
import { grad } from "../autodiff/index.ts";
import { CounterRandom } from "../core/index.ts";
import { initialValues, Trace, withTrace } from "../module/index.ts";
import { cholesky } from "../numerics/index.ts";
import { type HostTensor, hostTensor } from "../onnx/index.ts";
import { sum } from "../ops/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { GaussianProcessHead, SpectralLinear } from "./index.ts";

const x = input("x", ["batch", 3]);
const p = input("p", ["batch"]);

/** A head's leaves as it starts, with states replaced where said. */
function valuesOf(
  head: GaussianProcessHead,
  seed: number,
  states: ReadonlyMap<Tensor, Float32Array> = new Map(),
) {
  const values = new Map<Tensor, HostTensor>();
  const leaves = [...head.namedParameters(), ...head.namedStates()];
  for (const [path, leaf] of leaves) {
    const data = states.get(leaf) ?? initialValues(leaf.init, leaf.shape, seed, path);
    values.set(leaf, hostTensor("float32", [...leaf.shape], data));
  }
  return values;
}

function withRows(
  values: Map<Tensor, HostTensor>,
  rows: readonly number[][],
  probabilities?: readonly number[],
) {
  values.set(x, hostTensor("float32", [rows.length, 3], rows.flat()));
  values.set(p, hostTensor("float32", [rows.length], probabilities ?? rows.map(() => 0.5)));
  return values;
}

const random = new CounterRandom(7, "rows");
const rows = Array.from({ length: 6 }, (_, i) => [0, 1, 2].map((k) => random.normal(3 * i + k)));

test("inner products of features are the kernel's, in the mean over draws", async () => {
  const features = 20_000;
  for (const lengthScale of [0.7, 2]) {
    const head = new GaussianProcessHead(3, { features, lengthScale });
    const drawn = [...head.namedParameters()].map(
      ([path, leaf]) =>
        [
          leaf,
          hostTensor("float32", [...leaf.shape], initialValues(leaf.init, leaf.shape, 5, path)),
        ] as const,
    );
    const values = withRows(new Map<Tensor, HostTensor>(drawn), rows);
    const { phi } = await runGraph(judge, { phi: head.features(x) }, values);
    const data = phi.data as Float64Array;
    for (let i = 0; i < rows.length; i++) {
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let d = 0; d < features; d++) product += data[i * features + d] * data[j * features + d];
        const distance = rows[i].reduce((total, value, k) => total + (value - rows[j][k]) ** 2, 0);
        const kernel = Math.exp(-distance / (2 * lengthScale ** 2));
        // Each term lies in [-1, 1] times 2/D: a standard error below 1/√D.
        expect(Math.abs(product - kernel)).toBeLessThan(4 / Math.sqrt(features));
      }
    }
  }
});

describe("the posterior", () => {
  const features = 24;
  const head = new GaussianProcessHead(3, { features, ridge: 0.5 });
  /** States after learning from rows. */
  async function learned(seenRows: readonly number[][], probabilities: readonly number[]) {
    const trace = new Trace({ training: true });
    const seen = withTrace(trace, () => {
      head.learn(head.features(x), p);
      return trace.stateUpdates.get(head.seen) as Tensor;
    });
    const values = withRows(valuesOf(head, 3), seenRows, probabilities);
    const result = await runGraph(judge, { seen }, values);
    const states = new Map<Tensor, Float32Array>([
      [head.seen, Float32Array.from(result.seen.data as Float64Array)],
    ]);
    head.afterEpoch({
      read: (state) => states.get(state) as Float32Array,
      write: (state, value) => states.set(state, value),
    });
    return states;
  }
  async function variances(states: ReadonlyMap<Tensor, Float32Array>, at: readonly number[][]) {
    const values = withRows(valuesOf(head, 3, states), at);
    const { v } = await runGraph(judge, { v: head.variance(head.features(x)) }, values);
    return Array.from(v.data as Float64Array);
  }

  test("sums p (1-p) φ φᵀ, and its precision is positive definite", async () => {
    const probabilities = [0.1, 0.5, 0.9, 0.02, 0.3, 0.7];
    const states = await learned(rows, probabilities);
    const values = withRows(valuesOf(head, 3), rows);
    const phi = (await runGraph(judge, { phi: head.features(x) }, values)).phi.data as Float64Array;
    const seen = states.get(head.seen) as Float32Array;
    const precision = Float64Array.from(seen);
    for (let i = 0; i < features; i++) {
      for (let j = 0; j < features; j++) {
        const expected = probabilities.reduce(
          (total, q, r) => total + q * (1 - q) * phi[r * features + i] * phi[r * features + j],
          0,
        );
        expect(seen[i * features + j]).toBeCloseTo(expected, 6);
      }
      precision[i * (features + 1)] += 0.5;
    }
    expect(cholesky(precision, features).every(Number.isFinite)).toBe(true);
    // P P⁻¹ = 1.
    const covariance = states.get(head.covariance) as Float32Array;
    for (let i = 0; i < features; i++) {
      let diagonal = 0;
      for (let k = 0; k < features; k++)
        diagonal += precision[i * features + k] * covariance[k * features + i];
      expect(diagonal).toBeCloseTo(1, 5);
    }
  });

  test("far from all data has the prior's variance; each identical row lowers it", async () => {
    const [row, ...others] = rows;
    const prior = await variances(new Map(), [row]);
    // φ·φ is 1 in the mean, so v is about 1/τ.
    expect(prior[0]).toBeGreaterThan(1);
    expect(prior[0]).toBeLessThan(3);
    let before = prior[0];
    for (const copies of [1, 2, 5, 50]) {
      const seenRows = [...Array.from({ length: copies }, () => row), ...others];
      const [v] = await variances(
        await learned(
          seenRows,
          seenRows.map(() => 0.3),
        ),
        [row],
      );
      expect(v).toBeLessThan(before);
      expect(v).toBeGreaterThan(0);
      before = v;
    }
  });

  test("rows are forgotten at the rate that is said", async () => {
    const online = new GaussianProcessHead(3, { features: 4, effectiveRows: 60 });
    const trace = new Trace({ training: true });
    const seen = withTrace(trace, () => {
      online.learn(online.features(x), p);
      return trace.stateUpdates.get(online.seen) as Tensor;
    });
    const old = new Float32Array(16).fill(2);
    const none = withRows(valuesOf(online, 3, new Map([[online.seen, new Float32Array(16)]])), rows);
    const some = withRows(valuesOf(online, 3, new Map([[online.seen, old]])), rows);
    const fresh = (await runGraph(judge, { seen }, none)).seen.data as Float64Array;
    const kept = (await runGraph(judge, { seen }, some)).seen.data as Float64Array;
    for (let i = 0; i < 16; i++) expect(kept[i] - fresh[i]).toBeCloseTo(2 * (1 - 6 / 60), 6);
    expect(online.beforeEpoch({ read: () => old, write: () => expect.unreachable() })).toBeUndefined();
  });
});

test("bounded layers: the spectral norm settles at the bound, smaller weights are left alone", async () => {
  for (const [factor, bound] of [
    [3, 0.95],
    [0.05, 0.95],
  ]) {
    const layer = new SpectralLinear(3, 4, { bound, bias: false });
    const weight = Float32Array.from({ length: 12 }, (_, i) => factor * random.normal(100 + i));
    let direction = initialValues(layer.direction.init, [4], 1, "direction");
    const trace = new Trace({ training: true });
    const y = withTrace(trace, () => layer.forward(x));
    const identity = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
    let used: Float64Array = new Float64Array();
    let gradient: Float64Array = new Float64Array();
    for (let step = 0; step < 60; step++) {
      const values = new Map<Tensor, HostTensor>([
        [layer.weight, hostTensor("float32", [3, 4], weight)],
        [layer.direction, hostTensor("float32", [4], direction)],
        [x, hostTensor("float32", [3, 3], identity.flat())],
      ]);
      const outputs = {
        y,
        direction: trace.stateUpdates.get(layer.direction) as Tensor,
        gradient: grad(sum(y), [layer.weight])[0],
      };
      const results = await runGraph(judge, outputs, values);
      direction = Float32Array.from(results.direction.data as Float64Array);
      used = results.y.data as Float64Array;
      gradient = results.gradient.data as Float64Array;
    }
    const norm = spectralNorm(used);
    expect(norm).toBeLessThan(bound * 1.001);
    if (factor > 1) expect(norm).toBeCloseTo(bound, 3);
    else expect(Array.from(used)).toEqual(Array.from(weight, (value) => expect.closeTo(value, 6)));
    expect(gradient.every(Number.isFinite)).toBe(true);
  }
});

/** Of a `[3, 4]` matrix, by many power iterations. */
function spectralNorm(matrix: Float64Array): number {
  let u = [1, 0.5, -0.3, 0.2];
  let norm = 0;
  for (let step = 0; step < 500; step++) {
    const v = [0, 1, 2].map((i) => u.reduce((total, value, j) => total + matrix[4 * i + j] * value, 0));
    const back = [0, 1, 2, 3].map((j) => v.reduce((total, value, i) => total + matrix[4 * i + j] * value, 0));
    norm = Math.hypot(...v) / Math.hypot(...u);
    const size = Math.hypot(...back);
    u = back.map((value) => value / size);
  }
  return norm;
}
