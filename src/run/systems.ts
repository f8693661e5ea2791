/**
 * The methods that Millrace carries, one entry a paper: what the recipe of each measures again. The
 * table in `docs/systems.md` is made from this list and from `results/`.
 */

export interface System {
  /** S01 … S52; result files refer to it. */
  readonly id: string;
  readonly name: string;
  /** arXiv number. */
  readonly arxiv: string;
  /** What it does, and the paper's headline that is to be measured. */
  readonly claim: string;
}

const entries: readonly (readonly [name: string, arxiv: string, claim: string])[] = [
  [
    "DARE",
    "2410.02604",
    "Separate embeddings for attention and for representation in long histories: AUC up to 0.9 points above one shared table, and search at half the attention width for half the cost",
  ],
  [
    "Crocodile",
    "2405.12706",
    "Multi-embedding experts for many domains, held apart by a covariance loss and gated by priors: better than other multi-domain models, with less correlated embeddings",
  ],
  [
    "Ranking loss beside BCE",
    "2403.14144",
    "Adding a ranking loss to cross entropy enlarges the gradients of negatives; AUC and log loss both improve where positives are rare",
  ],
  [
    "Ads recommendation in a collapsed and entangled world",
    "2403.00793",
    "Feature encoders, temporal interest, multi-embedding and training techniques each beat their own ablation; three analyses make correlation, collapse and entanglement visible",
  ],
  [
    "Multi-embedding",
    "2310.04400",
    "Several embedding sets, each with its own interaction, keep gaining with size where one set saturates, and keep a higher information abundance",
  ],
  [
    "D-Train",
    "2309.10302",
    "Train on all domains, then by domain, then only the heads: better than multi-domain architectures, with nothing to tune",
  ],
  [
    "STEM-Net",
    "2308.13537",
    "Shared and task-specific embeddings whose gates let everything forward and only the own task backward: positive transfer also on samples where tasks compare, ahead of MMoE and PLE",
  ],
  [
    "CLIPood",
    "2302.00864",
    "A margin between classes from their meaning and a beta-weighted moving average of weights: fine-tuning that stays ahead of plain fine-tuning and of zero-shot on shifted domains and new classes",
  ],
  [
    "ForkMerge",
    "2301.12618",
    "Fork the model by task weights, merge the branches by validation: auxiliary tasks no longer harm the target task",
  ],
  [
    "AdaTask",
    "2211.15055",
    "One optimizer accumulator a task for shared parameters: dominated tasks improve and each task's share in the updates evens out",
  ],
  [
    "Label correction for on-device fine-tuning",
    "2211.01163",
    "Correcting labels for the drift of the click rate keeps fine-tuning on a device from hurting the ranking",
  ],
  [
    "ODE",
    "2209.00195",
    "Devices with little storage choose which samples to keep: federated training up to 2.5 times faster and up to 6 % more accurate",
  ],
  [
    "HIEN",
    "2206.00510",
    "Embeddings of intentions over trees of attributes: ahead of CTR baselines, and lifts them when used as their input",
  ],
  [
    "Walle",
    "2205.14833",
    "A device and cloud system (task releases, a stream pipeline on the device, a compute container): its latencies, its backend search, its isolation of tasks and the reach of push-then-pull releases",
  ],
  [
    "HDCCF",
    "2204.11752",
    "Contrastive collaborative filtering that finds hard negatives without taking unseen positives for negatives: ahead of CF and hard-negative baselines, with an unbiased estimate of the loss",
  ],
  [
    "CrossDistil",
    "2202.09852",
    "Tasks teach each other through ranking-augmented, calibrated teachers: better multi-AUC than the same multi-task model without them",
  ],
  [
    "Vertical federated learning",
    "2202.04309",
    "Parties with different columns of the same users train one model: what privacy costs, what structure is lost, how heterogeneity hurts",
  ],
  [
    "CoDA",
    "2201.10382",
    "The cloud picks samples that augment a device's own: better than a cloud-only and a device-only model",
  ],
  [
    "FastCover",
    "2111.00463",
    "A graph network trained without labels finds seeds for multi-hop influence: coverage near greedy's, over a thousand times faster",
  ],
  [
    "FedSubAvg",
    "2109.07704",
    "Averaging each parameter over the clients that hold it: better than FedAvg where features are hot and cold",
  ],
  [
    "LoopFM",
    "2605.29280",
    "A foundation model's representations fed back as history features roughly double what distillation alone transfers",
  ],
  [
    "DHEN",
    "2203.11014",
    "A deep, hierarchical ensemble of different interaction modules: normalized entropy below single modules and shallow ensembles",
  ],
  [
    "Multi-task early-stage ranking",
    "2307.11096",
    "One early-stage model with several tasks: more of the final stage's ads recalled, by one model instead of several",
  ],
  [
    "Rankitect",
    "2311.08430",
    "Architecture search from low-level blocks (sampling, one-shot, differentiable): a better front of normalized entropy against FLOPs than models made by hand",
  ],
  [
    "AutoML for large-capacity ranking models",
    "2311.07870",
    "About a hundred trials find 0.09 % less normalized entropy, or 25 % more queries a second",
  ],
  [
    "Hierarchical indexing for retrieval",
    "2604.12965",
    "An index learned by cross-attention and residual quantisation: much cheaper retrieval at equal quality, and index nodes that are worth training on",
  ],
  [
    "Kunlun",
    "2602.10016",
    "Unified attention, pooling and compute skipping for histories and features: a steeper, predictable scaling law for less compute",
  ],
  [
    "WC-MHGD",
    "2511.07824",
    "Multi-objective bilevel learning that reaches the Pareto-stationary point a preference asks for, at a finite-time rate",
  ],
  [
    "HSNN",
    "2408.06653",
    "Clusters learned together with a neural scorer: retrieval beyond dot products at sublinear cost",
  ],
  [
    "CubicML",
    "2409.04585",
    "A model that predicts system performance guides the search: faster training configurations within few trials",
  ],
  [
    "Semantic ID prefix n-grams",
    "2504.02137",
    "Rows addressed by prefixes of a content code: better on tail items and steadier over time than random hashing",
  ],
  [
    "ExFM",
    "2502.17494",
    "One external teacher serves many students through an auxiliary head and an adapter on streaming data: all gain, under drift",
  ],
  [
    "CETNet",
    "2411.13700",
    "Two different models with their own tables, fused by confidence: better than single and multi-embedding models with smaller tables",
  ],
  [
    "Retrieval-augmented language model with early exit",
    "2501.02173",
    "Graph retrieval and several exit heads: much less latency at equal or better AUC",
  ],
  ["HiLoMoE", "2510.10432", "A hierarchy of rank-1 LoRA experts: AUC up 0.20 % with 18.5 % fewer FLOPs"],
  [
    "Two-dimensional sparse parallelism",
    "2508.03854",
    "Tables sharded within groups and replicated between them, with momentum-scaled row-wise AdaGrad: near-linear scaling at equal quality",
  ],
  [
    "InterFormer",
    "2411.09852",
    "Histories and features exchange information layer by layer, both ways: ahead of sequence and of interaction models",
  ],
  [
    "ZionEX and Neo",
    "2104.05158",
    "Four-way sharding with load balance, exact sparse optimizers, reduced-precision communication, memory tiers and pipelining: a large speed-up over parameter servers",
  ],
  [
    "CPR",
    "2011.02999",
    "Restoring only the failed part of a model: checkpoint overhead from about 8 % to under 0.7 % at equal quality",
  ],
  [
    "Adaptive dense-to-sparse pruning",
    "2010.08655",
    "Pruning that adapts while data drift keeps the accuracy that pruned incremental training loses",
  ],
  ["AutoCTR", "2007.06434", "Evolution over interaction blocks finds models ahead of those made by hand"],
  [
    "ShadowSync",
    "2003.03477",
    "Synchronising in the background: the throughput of no synchronisation with the quality of synchronous training",
  ],
  [
    "4-bit embedding quantisation",
    "1911.02079",
    "Row-wise 4-bit tables after training: 13.89 % of the size at the same quality",
  ],
  [
    "Mixed-dimension embeddings",
    "1909.11810",
    "Wider rows for popular values: half the parameters and 0.1 % better, or a sixteenth of them at equal accuracy",
  ],
  [
    "Compositional embeddings",
    "1909.02107",
    "Rows composed from complementary partitions: better than the hashing trick at equal size",
  ],
  [
    "BFLOAT16 training",
    "1905.12322",
    "Training in BFLOAT16 gives float32's results with float32's hyper-parameters",
  ],
  [
    "Sub-sampled Newton",
    "1607.00559",
    "Hessians sampled by leverage or row norms: at least twice as fast as Newton's method",
  ],
  [
    "Tensor machines",
    "1504.01697",
    "Polynomial features of low rank learned for the target: accurate with few parameters",
  ],
  [
    "pwSGD",
    "1502.03571",
    "Preconditioned, weighted SGD: a rate free of the condition number for l1 and l2 regression",
  ],
  [
    "Randomized matrix algorithms, distributed",
    "1502.03032",
    "Least squares from low to high precision in a few passes over distributed data",
  ],
  [
    "Quasi-Monte Carlo feature maps",
    "1412.8293",
    "Low-discrepancy frequencies approximate shift-invariant kernels with less error than random ones",
  ],
  [
    "Large-scale quantile regression",
    "1305.0087",
    "Sampling after conditioning: an objective within 1 + ε of the best in nearly linear time",
  ],
];

export const systems: readonly System[] = entries.map(([name, arxiv, claim], index) => ({
  id: `S${String(index + 1).padStart(2, "0")}`,
  name,
  arxiv,
  claim,
}));
