/** Training in phases on real graphs: D-Train's identities, freezing, tying, resuming. */
import { beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind } from "../../../test/models/every-kind.ts";
import { memorySource } from "../../../test/models/memory-source.ts";
import { readArrays } from "../../../test/models/named-arrays.ts";
import { inSittings } from "../../../test/models/stop-after.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import { SharedBottom } from "../../models/index.ts";
import { DOMAIN_ENCODER, type EncodedBatch, type FeatureMap, FIRST_VALUE_ID } from "../../schema/index.ts";
import { type BatchSource, batchLayout } from "../../schema/index.ts";
import { train, type TrainInput, type TrainResult } from "../index.ts";
import { domainSource } from "./domain-source.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const values = ["feed", "search", "tail"];

function withDomains(count: number): FeatureMap {
  const vocabulary = { type: "list", values: values.slice(0, count), minCount: 1 } as const;
  const encoder = { valueType: "string", trim: false, vocabulary, size: FIRST_VALUE_ID + count } as const;
  return { ...everyKind, domain: "domain", encoders: { ...everyKind.encoders, [DOMAIN_ENCODER]: encoder } };
}

/** Rows of `count` domains, the first half of them of the first one. */
function rowsOf(schema: FeatureMap, size: number, seed: number, count: number): EncodedBatch {
  const rows = drawRows(schema, size, seed);
  const domains = Int32Array.from({ length: size }, (_, i) =>
    i % 2 === 0 ? FIRST_VALUE_ID : FIRST_VALUE_ID + (Math.floor(i / 2) % count),
  );
  return { size, columns: { ...rows.columns, "@domain": domains } };
}

function input(options: TrainInput["options"], { domains = 3, dropout = 0, batchNorm = false } = {}) {
  const map = withDomains(domains);
  const model = new SharedBottom(map, {
    embeddingDim: 3,
    embeddingStd: 0.2,
    bottomHiddenUnits: [6],
    towerHiddenUnits: [4],
    branches: "domain",
    netDropout: dropout,
    batchNorm,
  });
  const given = {
    model,
    map,
    engine,
    train: memorySource(map, rowsOf(map, 90, 1, domains)),
    valid: memorySource(map, rowsOf(map, 60, 2, domains)),
    options: { batchSize: 16, learningRate: 0.02, ...options },
  };
  return given satisfies TrainInput;
}

const arraysOf = ({ learner }: TrainResult) => readArrays(learner.options.model, learner.weights);

async function run(given: TrainInput): Promise<TrainResult> {
  const result = await train(given);
  await result.learner.release();
  return result;
}

const heads = "heads.towers.click.*";
const preTrain = { name: "pre", epochs: 2, tie: [heads] };
const postTrain = { name: "post", epochs: 2, learningRateFactor: 0.5 };
const fineTune = {
  name: "fine",
  epochs: 2,
  train: ["heads.towers.*.{domain}"],
  eachDomain: true,
  learningRateFactor: 0.25,
};

describe("phases", () => {
  test("one phase that restricts nothing is plain training, bit for bit", async () => {
    const plain = await run(input({ epochs: 3 }));
    const phased = await run(input({ phases: [{ name: "all", epochs: 3 }] }));
    expect(arraysOf(phased)).toEqual(arraysOf(plain));
    expect(phased.steps).toBe(plain.steps);
    expect(phased.history.map(({ trainLoss }) => trainLoss)).toEqual(
      plain.history.map(({ trainLoss }) => trainLoss),
    );
    expect(phased.valid).toEqual(plain.valid);
  });

  test("leave what they freeze, rows and running statistics included, without optimizer and without gradient", async () => {
    const first = { name: "first", epochs: 1 };
    const before = arraysOf(await run(input({ phases: [first], netRegularizer: 0.1 }, { batchNorm: true })));
    const second = { name: "second", epochs: 2, train: ["heads"] };
    const given = input({ phases: [first, second], netRegularizer: 0.1 }, { batchNorm: true });
    const after = arraysOf(await run({ ...given, valid: undefined }));
    const alone = arraysOf(
      await run({
        ...input({ phases: [first], netRegularizer: 0.1 }, { batchNorm: true }),
        valid: undefined,
      }),
    );
    expect(Object.keys(before)).toEqual(Object.keys(after));
    for (const path of Object.keys(after)) {
      const moved = path.startsWith("heads") && !/mean|variance/i.test(path);
      if (moved) expect(after[path], path).not.toEqual(alone[path]);
      else expect(after[path], path).toEqual(alone[path]);
    }
    for (const leaf of given.model.namedParameters().values()) expect(leaf.trainable).toBe(true);
  });

  test("freeze by name as well; what the model froze itself stays frozen", async () => {
    const given = input({ phases: [{ name: "only", epochs: 1, freeze: ["embedding"] }] });
    given.model.bottom.deep.layers[0].weight.trainable = false;
    const start = arraysOf(
      await run({ ...input({ phases: [{ name: "none", epochs: 0 }] }), valid: undefined }),
    );
    const after = arraysOf(await run({ ...given, valid: undefined }));
    expect(after["embedding.tables.user"]).toEqual(start["embedding.tables.user"]);
    expect(after["bottom.deep.layers.0.weight"]).toEqual(start["bottom.deep.layers.0.weight"]);
    expect(after["heads.towers.click.0.head.weight"]).not.toEqual(start["heads.towers.click.0.head.weight"]);
    expect(given.model.bottom.deep.layers[0].weight.trainable).toBe(false);
  });

  test("are named in the history; steps and epochs are counted through", async () => {
    const { history, steps } = await run(
      input({ phases: [preTrain, postTrain, fineTune], earlyStopPatience: null }),
    );
    expect(history.map(({ phase }) => phase)).toEqual([
      "pre",
      "pre",
      "post",
      "post",
      ...values.flatMap((value) => [`fine/${value}`, `fine/${value}`]),
    ]);
    expect(history.map(({ epoch }) => epoch)).toEqual(history.map((_, k) => k));
    expect(history.at(-1)?.steps).toBe(steps);
  });

  test("keep what they began with when no epoch beats it on validation", async () => {
    const first = { name: "first", epochs: 2 };
    const second = { name: "second", epochs: 2, learningRateFactor: 2.5 };
    // No epoch can improve by this much.
    const after = arraysOf(await run(input({ phases: [first, second], minDelta: 0.9 })));
    expect(after).toEqual(arraysOf(await run(input({ phases: [first], minDelta: 0.9 }))));
  });
});

describe("tied heads", () => {
  test("stay equal, and learn as one head on all rows does", async () => {
    const phases = [{ name: "pre", epochs: 2, tie: [heads] }];
    const three = await run({ ...input({ phases }), valid: undefined });
    const arrays = arraysOf(three);
    for (const part of ["layers.0.weight", "layers.0.bias", "head.weight"]) {
      const [a, b, c] = [0, 1, 2].map((k) => arrays[`heads.towers.click.${k}.${part}`]);
      expect(b).toEqual(a);
      expect(c).toEqual(a);
    }
    // A model with one domain has one head; its rows are the same otherwise.
    const map = withDomains(1);
    const one = input({ phases: [{ name: "pre", epochs: 2 }] }, { domains: 1 });
    const rows = rowsOf(withDomains(3), 90, 1, 3);
    const columns = { ...rows.columns, "@domain": new Int32Array(90).fill(FIRST_VALUE_ID) };
    const single = await run({ ...one, train: memorySource(map, { size: 90, columns }), valid: undefined });
    for (const [path, expected] of Object.entries(arraysOf(single)))
      for (const [i, value] of arrays[path].entries()) expect(value, path).toBeCloseTo(expected[i], 4);
  });

  test("all answer alike when post-training begins, for unknown domains too", async () => {
    const phases = [preTrain, { name: "post", epochs: 0 }];
    const result = await train({ ...input({ phases }), valid: undefined });
    const rows = rowsOf(withDomains(3), 16, 5, 3);
    const answers: Float32Array[] = [];
    for (const domain of [1, 3, 4, 5]) {
      const columns = { ...rows.columns, "@domain": new Int32Array(16).fill(domain) };
      answers.push((await result.learner.predict({ size: 16, columns })).click);
    }
    const [unknown, ...known] = answers;
    for (const each of known) expect(each).toEqual(known[0]);
    for (const [i, p] of unknown.entries()) expect(p).toBeCloseTo(known[0][i], 6);
    await result.learner.release();
  });
});

describe("D-Train's third phase", () => {
  const phases = (fine: object) => [preTrain, postTrain, { ...fineTune, ...fine }];

  test("trains each head as it would alone: in any order, with or without the others", async () => {
    const together = arraysOf(await run(input({ phases: phases({}) })));
    for (const [k, value] of values.entries()) {
      const alone = arraysOf(await run(input({ phases: phases({ domains: [value] }) })));
      for (const path of Object.keys(alone))
        if (path.startsWith(`heads.towers.click.${k}.`)) expect(alone[path], path).toEqual(together[path]);
    }
    const backwards = arraysOf(await run(input({ phases: phases({ domains: [...values].reverse() }) })));
    expect(backwards).toEqual(together);
  });

  test("leaves everything below the heads, and other heads, as they were", async () => {
    const before = arraysOf(await run({ ...input({ phases: [preTrain, postTrain] }), valid: undefined }));
    const given = input({ phases: phases({ domains: ["search"] }) });
    const after = arraysOf(await run({ ...given, valid: undefined }));
    for (const path of Object.keys(before)) {
      if (path.startsWith("heads.towers.click.1.")) expect(after[path], path).not.toEqual(before[path]);
      else expect(after[path], path).toEqual(before[path]);
    }
  });
});

describe("resuming", () => {
  test("goes on to the same bytes in any phase, between phases too", async () => {
    const options = { phases: [preTrain, postTrain, fineTune], earlyStopPatience: null };
    const shape = { dropout: 0.2, batchNorm: true };
    const whole = await run(input(options, shape));
    for (const sittings of [[3], [13, 1, 1], [12, 12, 5, 5, 3, 3]]) {
      const resumed = await inSittings(sittings, (sitting) =>
        train({ ...input(options, shape), ...sitting }),
      );
      expect(arraysOf(resumed)).toEqual(arraysOf(whole));
      expect(resumed.steps).toBe(whole.steps);
      expect(resumed.history.map(({ seconds, ...record }) => record)).toEqual(
        whole.history.map(({ seconds, ...record }) => record),
      );
      await resumed.learner.release();
    }
  });
});

describe("the rows of some domains", () => {
  const map = withDomains(3);
  const rows = rowsOf(map, 50, 3, 3);
  const source = memorySource(map, rows);
  const collect = async (from: BatchSource, skip = 0): Promise<number[][]> => {
    const batches: number[][] = [];
    for await (const batch of from.batches({ batchSize: 4, shuffle: { seed: 1, epoch: 0 }, skip }))
      batches.push([...batch.columns.user].slice(0, batch.size));
    return batches;
  };

  test("come once each, in full batches, from any batch on", async () => {
    const domains = new Set([FIRST_VALUE_ID + 1, FIRST_VALUE_ID + 2]);
    const some = await domainSource(source, domains);
    const batches = await collect(some);
    expect(some.rows).toBe(batches.flat().length);
    expect(batches.slice(0, -1).every(({ length }) => length === 4)).toBe(true);
    const users = (rows.columns.user as Int32Array).filter((_, i) => domains.has(rows.columns["@domain"][i]));
    expect(batches.flat().sort((a, b) => a - b)).toEqual([...users].sort((a, b) => a - b));
    expect(await collect(some, 2)).toEqual(batches.slice(2));
    expect(batchLayout(map)).toEqual(some.layout);
  });
});

describe("mistakes", () => {
  test.each([
    [{ train: ["hed"] }, 'training.phases: bad: train: the model has nothing at "hed"'],
    [{ tie: ["heads"] }, 'training.phases: bad: tie: "heads" needs a * for what is tied'],
    [{ tie: ["embedding.*"] }, "is a table, and only weights are tied"],
    [{ domains: ["serch"] }, "training.phases: bad: the training split has no domain serch"],
    [{ freeze: ["embedding", "bottom", "heads"] }, "training.phases: bad leaves nothing that moves"],
  ])("%o", async (phase, message) => {
    const phases = [{ name: "bad", epochs: 1, ...phase }];
    await expect(train(input({ phases }))).rejects.toThrow(message);
  });
});
