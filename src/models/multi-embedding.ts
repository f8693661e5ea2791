/**
 * Several embedding sets, each with its own interaction, in place of one wider set.
 *
 *     h⁽ᵐ⁾ = I⁽ᵐ⁾(e⁽ᵐ⁾₁ … e⁽ᵐ⁾_N),   logit = F( (1/M) Σ_m h⁽ᵐ⁾ )
 *
 * Guo et al., "On the Embedding Collapse When Scaling up Recommendation Models", ICML 2024, arXiv:2310.04400.
 * Any model of the catalogue can be the host that marks where its interaction ends (`acrossSets`): what lies
 * before the mark exists once a set (tables, cross layers, the first hidden layer of the deep network), what
 * lies behind or beside it once (the other layers, the linear part). Hosts without a hidden layer behind
 * their interaction (FM and its kin) gain nothing that a wider table with zero blocks had not.
 */
import { z } from "zod";
import { ConfigError, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { type Batch, markedPass, meanOverSets, Model, Module, shareLeaves } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { Tensor } from "../tensor/index.ts";
import { width } from "./options.ts";
import { ProbeBatch } from "./probe-batch.ts";

/** What every host takes beside its own options. Absent: the plain model. */
export const embeddingSetOptions = {
  embeddingSets: width
    .optional()
    .describe(
      "Number M of embedding sets, each with its own interaction; their results are averaged (Multi-Embedding).",
    ),
  setInteraction: z
    .enum(["own", "shared"])
    .optional()
    .describe("With several embedding sets: one interaction a set, or one for all (an ablation)."),
};

export interface MultiEmbeddingOptions {
  /** Number M of sets. */
  readonly sets: number;
  /** `shared`: tables alone are a set's own. @default "own" */
  readonly interaction?: "own" | "shared";
}

export class MultiEmbedding extends Model {
  /** One host a set. What lies behind the marks is the first one's in all. */
  readonly sets: readonly Model[];

  /**
   * @param makeHost a new host with each call
   * @throws ConfigError when the host does not mark where its interaction ends
   */
  constructor(
    schema: FeatureMap,
    makeHost: () => Model,
    { sets, interaction = "own" }: MultiEmbeddingOptions,
  ) {
    super();
    this.sets = repeat(sets, makeHost);
    const [first, ...others] = this.sets;
    const before = pathsBeforeMarks(first, schema);
    const embedding = interaction === "shared" ? pathsOfEmbeddings(first) : before;
    for (const set of others) shareLeaves(set, first, (path) => !before.has(path) || !embedding.has(path));
  }

  /** Logits, as the host gives them. */
  forward(batch: Batch): ReturnType<Model["forward"]> {
    return meanOverSets(this.sets.map((set) => () => set.forward(batch)));
  }
}

/** Paths of the leaves from which a mark is reached. */
function pathsBeforeMarks(host: Model, schema: FeatureMap): Set<string> {
  const batch = new ProbeBatch(schema);
  const { marked } = markedPass(() => host.forward(batch));
  if (marked.length === 0) {
    throw new ConfigError("this model does not say where its interaction of embeddings ends", {
      hint: "embedding_sets is for models of feature interaction, such as DCNv2, FinalMLP or xDeepFM",
    });
  }
  const reached = new Set<unknown>();
  const open: Tensor[] = [...marked];
  for (let tensor = open.pop(); tensor !== undefined; tensor = open.pop()) {
    if (reached.has(tensor)) continue;
    reached.add(tensor);
    open.push(...tensor.inputs);
    for (const table of batch.tablesOf(tensor)) reached.add(table);
  }
  const leaves = [...host.namedParameters(), ...host.namedStates(), ...host.namedTables()];
  return new Set(leaves.flatMap(([path, leaf]) => (reached.has(leaf) ? [path] : [])));
}

/** Paths of all leaves of field embeddings: tables, vectors of numbers, maps of dense vectors. */
function pathsOfEmbeddings(host: Module): Set<string> {
  const found = new Set<unknown>();
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value) || value instanceof Tensor) return;
    seen.add(value);
    if (value instanceof FieldEmbedding) {
      for (const leaf of [...value.namedParameters().values(), ...value.namedTables().values()])
        found.add(leaf);
    } else if (value instanceof Module || Array.isArray(value)) Object.values(value).forEach(visit);
  };
  visit(host);
  const leaves = [...host.namedParameters(), ...host.namedTables()];
  return new Set(leaves.flatMap(([path, leaf]) => (found.has(leaf) ? [path] : [])));
}
