/** What Multi-Embedding's equations say, for every host of the catalogue, in float64. */
import { beforeAll, describe, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine/index.ts";
import {
  DCNv2,
  type DCNv2Options,
  FM,
  type ModelDescription,
  models,
  WideDeep,
  type WideDeepOptions,
} from "../../src/models/index.ts";
import type { Model } from "../../src/module/index.ts";
import { drawRows, everyKind } from "./every-kind.ts";
import { exact, expectSame, rows } from "./expect-same.ts";
import { logitsOf, randomArrays, traceModel, zeroed } from "./forward.ts";
import { makeLearner } from "./learner.ts";
import { expectNear, loadArrays, type NamedArray, type NamedArrays, readArrays } from "./named-arrays.ts";
import { hosts } from "./several-sets.ts";

/** `sets.1.deep.layers.0.weight` as the host calls it. */
const inHost = (path: string): string => path.replace(/^sets\.\d+\./, "");

/** One host's arrays in every set. */
function inEverySet(model: Model, arrays: NamedArrays): NamedArrays {
  return Object.fromEntries(Object.keys(randomArrays(model)).map((path) => [path, arrays[inHost(path)]]));
}

const several = (host: ModelDescription, sets: number, more: object = {}): Model =>
  host.create(everyKind, { ...host.example, embeddingSets: sets, ...more });
const plain = (host: ModelDescription): Model => host.create(everyKind, host.example);

test("every model of interaction is a host, others are not", () => {
  const names = new Set(hosts.map(({ name }) => name));
  expect(models.map(({ name }) => name).filter((name) => !names.has(name))).toEqual(
    // One weight a value has no interaction; the others read histories, or have several tasks or domains.
    expect.arrayContaining(["LR", "DIN", "MMoE"]),
  );
  expect(hosts.length).toBeGreaterThanOrEqual(22);
});

describe.each(hosts)("$name", (host) => {
  const arrays = randomArrays(plain(host));

  test("in one set is the host", async () => {
    const model = several(host, 1);
    await expectSame([model, inEverySet(model, arrays)], [plain(host), arrays]);
  });

  test("with the same numbers in all sets is the host", async () => {
    const model = several(host, 3);
    await expectSame([model, inEverySet(model, arrays)], [plain(host), arrays]);
  });

  test("does not care about the order of sets", async () => {
    const model = several(host, 2);
    const own = randomArrays(model, 3);
    const second = (path: string): string => path.replace(/^sets\.0\./, "sets.1.");
    const swapped = Object.fromEntries(
      Object.keys(own).map((path) => {
        const other = path.startsWith("sets.1.") ? path.replace("sets.1.", "sets.0.") : second(path);
        return [path, own[other] ?? own[path]];
      }),
    );
    expectNear(
      await logitsOf(model, everyKind, swapped, rows),
      await logitsOf(model, everyKind, own, rows),
      exact,
      "swapped",
    );
  });

  test("each set has tables of its own and starts elsewhere; nothing outside the sets is trained twice", () => {
    const model = several(host, 2);
    const tables = [...model.namedTables().keys()];
    for (const path of tables.filter((name) => name.startsWith("sets.1."))) {
      expect(tables).toContain(path.replace("sets.1.", "sets.0."));
    }
    expect(tables.some((path) => path.startsWith("sets.1."))).toBe(true);
    // Whatever the graph reads stands in the model.
    const { logits } = traceModel(model, everyKind, randomArrays(model));
    const known = new Set<unknown>([...model.namedParameters().values(), ...model.namedStates().values()]);
    const open = [logits];
    const seen = new Set<unknown>();
    const unknown: string[] = [];
    for (let tensor = open.pop(); tensor !== undefined; tensor = open.pop()) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      open.push(...tensor.inputs);
      const { name } = (tensor.attributes ?? {}) as { name?: string };
      if (tensor.op.name === "input" && name === "" && !known.has(tensor)) unknown.push(String(tensor.shape));
    }
    expect(unknown).toEqual([]);
  });

  test("shared interaction leaves tables alone to the sets", () => {
    const model = several(host, 2, { setInteraction: "shared" });
    const own = [...model.namedParameters().keys()].filter((path) => path.startsWith("sets.1."));
    for (const path of own) expect(path).toMatch(/(numeric|numericMissing|numericFill|dense\.\w+|learned)$/);
  });
});

describe("training", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine("native");
  });

  test.each(["DCNv2", "FinalMLP", "xDeepFM"])(
    "%s: sets that start equal stay equal, and equal to the host",
    async (name) => {
      const host = hosts.find((candidate) => candidate.name === name) as ModelDescription;
      const still = Object.fromEntries(Object.entries(host.example).filter(([key]) => !/dropout/i.test(key)));
      // Adam's steps do not depend on a gradient's size, which is 1/M in each of M sets.
      const optimizer = { learningRate: 0.01, epsilon: 1e-30, maxGradientNorm: null };
      const trained: { [path: string]: Float32Array }[] = [];
      for (const sets of [1, 2]) {
        const model = host.create(everyKind, { ...still, embeddingSets: sets });
        const learner = await makeLearner(model, everyKind, { engine, batchSize: 32, optimizer });
        loadArrays(model, learner.weights, inEverySet(model, randomArrays(host.create(everyKind, still))));
        for (let step = 0; step < 8; step++) await learner.step(drawRows(everyKind, 32, 20 + (step % 3)));
        trained.push(readArrays(model, learner.weights));
        await learner.release();
      }
      const [one, two] = trained;
      for (const [path, values] of Object.entries(two)) {
        // Weights of dead units have gradients of rounding alone, of which such an ε makes steps; sets agree anyway.
        expectNear(values, two[path.replace("sets.1.", "sets.0.")], 1e-6, path);
      }
      const table = "sets.0.embedding.tables.item";
      expectNear(two[table], one[table], 2e-3, table);
    },
  );
});

describe("without a non-linear end, sets are one wider set", () => {
  const dim = 2;
  // A power of 4, whose inverse and root are exact.
  const sets = 4;
  const wide = dim * sets;

  /** Tables of all sets side by side, at a scale. */
  function sideBySide(arrays: NamedArrays, path: string, scale = 1): NamedArray {
    const parts = Array.from({ length: sets }, (_, m) => arrays[`sets.${m}.${path}`]);
    const [count] = parts[0].shape;
    const data = Array.from({ length: count }, (_, row) =>
      parts.flatMap((part) => part.data.slice(row * dim, (row + 1) * dim).map((value) => value * scale)),
    ).flat();
    return { shape: [count, wide], data };
  }

  /** Blocks of a map from fields of `dim` to fields of `wide`: row (field, set, k) of the wide set. */
  function wideRow(field: number, set: number, k: number): number {
    return field * wide + set * dim + k;
  }

  test("FM: equal to a wider FM at 1/√M", async () => {
    const host = hosts.find(({ name }) => name === "FM") as ModelDescription;
    const model = host.create(everyKind, { embeddingDim: dim, embeddingSets: sets });
    const own = randomArrays(model);
    const wider = new FM(everyKind, { embeddingDim: wide });
    const arrays = Object.fromEntries(
      Object.keys(randomArrays(wider)).map((path) =>
        path.startsWith("embedding.")
          ? embeddingArray(own, path, 1 / Math.sqrt(sets))
          : [path, own[`sets.0.${path}`]],
      ),
    );
    await expectSame([model, own], [wider, arrays]);
  });

  function embeddingArray(own: NamedArrays, path: string, scale: number): [string, NamedArray] {
    return [path, sideBySide(own, path, scale)];
  }

  test("a deep network: equal to a permuted wider one", async () => {
    const options: WideDeepOptions = { hiddenUnits: [5, 3], hiddenActivation: "none" };
    const host = hosts.find(({ name }) => name === "WideDeep") as ModelDescription;
    const model = host.create(everyKind, { ...options, embeddingDim: dim, embeddingSets: sets });
    // A mean of biases would be rounded once more.
    const own = zeroed(randomArrays(model), /layers\.0\.bias$/);
    const wider = new WideDeep(everyKind, { ...options, embeddingDim: wide });
    const fields = everyKind.features.length;
    const arrays = Object.fromEntries(
      Object.entries(randomArrays(wider)).map(([path, { shape }]): [string, NamedArray] => {
        if (path.startsWith("embedding.")) return embeddingArray(own, path, 1);
        if (path !== "deep.layers.0.weight") return [path, own[`sets.0.${path}`]];
        const [, hidden] = shape;
        const data = new Array<number>(shape[0] * hidden);
        for (let field = 0; field < fields; field++) {
          for (let m = 0; m < sets; m++) {
            for (let k = 0; k < dim; k++) {
              for (let h = 0; h < hidden; h++) {
                const value = own[`sets.${m}.${path}`].data[(field * dim + k) * hidden + h];
                data[wideRow(field, m, k) * hidden + h] = value / sets;
              }
            }
          }
        }
        return [path, { shape, data }];
      }),
    );
    await expectSame([model, own], [wider, arrays]);
  });

  test("crosses: equal to wider ones whose blocks between sets are zero", async () => {
    const options: DCNv2Options = { crossLayers: 2, hiddenUnits: [], structure: "stacked" };
    const host = hosts.find(({ name }) => name === "DCNv2") as ModelDescription;
    const model = host.create(everyKind, { ...options, embeddingDim: dim, embeddingSets: sets });
    const own = randomArrays(model);
    const wider = new DCNv2(everyKind, { ...options, embeddingDim: wide });
    const fields = everyKind.features.length;
    const arrays = Object.fromEntries(
      Object.entries(randomArrays(wider)).map(([path, { shape }]): [string, NamedArray] => {
        if (path.startsWith("embedding.")) return embeddingArray(own, path, 1);
        if (path === "head.bias") return [path, own["sets.0.head.bias"]];
        const data = new Array<number>(shape.reduce((product, size) => product * size, 1)).fill(0);
        for (let m = 0; m < sets; m++) {
          const part = own[`sets.${m}.${path}`]?.data ?? own["sets.0.head.weight"].data;
          for (let f = 0; f < fields; f++) {
            for (let k = 0; k < dim; k++) {
              const [from, to] = [f * dim + k, wideRow(f, m, k)];
              if (path === "head.weight") data[to] = part[from] / sets;
              else if (path.endsWith("bias")) data[to] = part[from];
              else {
                for (let g = 0; g < fields; g++) {
                  for (let l = 0; l < dim; l++) {
                    data[to * fields * wide + wideRow(g, m, l)] = part[from * fields * dim + g * dim + l];
                  }
                }
              }
            }
          }
        }
        return [path, { shape, data }];
      }),
    );
    await expectSame([model, own], [wider, arrays]);
  });
});

test("a model that names no end of its interaction cannot have several sets", () => {
  const lr = models.find(({ name }) => name === "LR") as ModelDescription;
  expect(() => lr.create(everyKind, { embeddingSets: 2 })).toThrow("embeddingSets");
});
