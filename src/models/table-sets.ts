/**
 * Several complete sets of embedding tables, experts on each of them, and a gate for each branch over all experts:
 *
 *     o_b = Σ_j g_bj f_j(x of f_j's set),   g_b = softmax(MLP_b([x_1 ; … ; x_T]))
 *
 * An expert sees one set, and sets never meet before the sum. What HMoE-ME and AME have in common (Pan et al., KDD
 * 2024, arXiv:2403.00793).
 */
import type { z } from "zod";
import { ConfigError, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { type Expert, FieldExpert, GroupedPairs, interactionNames, MLP } from "../layers/index.ts";
import { type Batch, Module, normalInit, observe, Parameter, zerosInit } from "../module/index.ts";
import { concat, expandDims, flatten, mul, softmax, stack, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { groupsOf } from "./field-groups.ts";
import { mlpOptions } from "./options.ts";
import type { towerOptions } from "./task-options.ts";
import { historyPooling, type historyPoolingOptions } from "./temporal-options.ts";

export const expertKinds = [...interactionNames, "gwpfm"] as const;
export type ExpertKind = (typeof expertKinds)[number];

export interface TableSet {
  /** Width of the set's tables. */
  readonly dim: number;
  /** Experts that read them. */
  readonly experts: readonly ExpertKind[];
}

type Deep = Omit<z.output<z.ZodObject<typeof towerOptions>>, "towerHiddenUnits">;

export interface TableSetsOptions extends Deep, z.output<z.ZodObject<typeof historyPoolingOptions>> {
  readonly sets: readonly TableSet[];
  readonly branches: number;
  readonly embeddingStd: number;
  readonly expertHiddenUnits: readonly number[];
  readonly gateHiddenUnits: readonly number[];
  /** Layers of `cross` or `attention`. */
  readonly interactionLayers: number;
  readonly groups: readonly (readonly string[])[] | undefined;
  /** How experts are added up: by gates, by a learned number each, or evenly. */
  readonly aggregation: "gate" | "weights" | "mean";
}

export class TableSets extends Module {
  readonly sets: readonly FieldEmbedding[];
  /** By set. */
  readonly experts: readonly (readonly Expert[])[];
  /** By branch. */
  readonly gates: readonly MLP[];
  /** By branch, `[experts]`: what softmax makes weights of. */
  readonly weights: readonly Parameter[];
  readonly width: number;

  constructor(schema: FeatureMap, options: TableSetsOptions) {
    super();
    const { sets, branches, aggregation, gateHiddenUnits } = options;
    const init = normalInit(options.embeddingStd);
    this.sets = sets.map(
      ({ dim }, k) =>
        new FieldEmbedding(schema, { dim, init, role: `set:${k}`, ...historyPooling(options, schema) }),
    );
    this.experts = sets.map(({ experts }, k) =>
      experts.map((kind) => expertOf(kind, this.sets[k], schema, options)),
    );
    const count = this.experts.flat().length;
    const inputs = this.sets.reduce((total, { width }) => total + width, 0);
    this.gates =
      aggregation === "gate"
        ? repeat(branches, () => new MLP(inputs, gateHiddenUnits, { output: count }))
        : [];
    this.weights =
      aggregation === "weights" ? repeat(branches, () => new Parameter([count], { init: zerosInit })) : [];
    this.width = this.experts[0][0].width;
  }

  /** `[batch, width]` for each branch. */
  forward(batch: Batch, branches: number): Tensor[] {
    const fields = this.sets.map((set) => set.forward(batch)); // [batch, fields, dim of the set]
    const outputs = this.experts.flatMap((experts, k) => experts.map((expert) => expert.forward(fields[k])));
    const values = stack(outputs, { axis: 1 }); // [batch, experts, width]
    const seen = this.gates.length === 0 ? undefined : concat(fields.map((each) => flatten(each)));
    return repeat(branches, (b) => {
      const scores = seen === undefined ? this.weights[b] : this.gates[b].forward(seen);
      if (scores === undefined) return mul(sum(values, { axis: 1 }), 1 / outputs.length);
      const weights = softmax(scores); // [batch, experts], or [experts]
      observe(`gates.${b}`, weights);
      return sum(mul(values, expandDims(weights, -1)), { axis: 1 });
    });
  }
}

function expertOf(
  kind: ExpertKind,
  set: FieldEmbedding,
  schema: FeatureMap,
  options: TableSetsOptions,
): Expert {
  const { fields, dim, names } = set;
  const { expertHiddenUnits: hidden, interactionLayers, groups } = options;
  const deep = mlpOptions({ ...options, hiddenUnits: [...hidden] });
  if (kind === "gwpfm") return new GroupedPairsExpert(groupsOf(schema, names, groups), dim, hidden, deep);
  return new FieldExpert({ fields, dim, hidden, interaction: kind, interactionLayers, ...deep });
}

/** GwPFM with a deep network behind it; a field's parts stand side by side in its row. */
class GroupedPairsExpert extends Module implements Expert {
  readonly pairs: GroupedPairs;
  readonly deep: MLP;
  readonly width: number;

  constructor(
    groups: readonly (readonly number[])[],
    dim: number,
    hidden: readonly number[],
    options: ReturnType<typeof mlpOptions>,
  ) {
    super();
    const width = dim / groups.length;
    if (!Number.isInteger(width)) {
      throw new ConfigError(
        `a gwpfm expert needs an embedding width that its ${groups.length} groups divide; it is ${dim}`,
        {
          details: { embeddingDim: dim, groups: groups.length },
          hint: `take ${Math.ceil(width) * groups.length}, or name groups`,
        },
      );
    }
    this.pairs = new GroupedPairs(groups, { width });
    this.deep = new MLP(width, hidden, options);
    this.width = this.deep.width;
  }

  forward(fields: Tensor): Tensor {
    return this.deep.forward(this.pairs.forward(fields));
  }
}
