/**
 * What a report shows, as plain JSON: whoever has a run gathers this, the renderer only draws. Every
 * part but the title is optional in effect: empty lists leave their section out.
 */
import type { CalibrationBin, MetricValue, ScoreBin } from "../evaluation/index.ts";
import type { IndexMeasure, RetrievalProfile } from "../retrieval/index.ts";

export interface ReportInput {
  /** Such as `DCNv2 on clicks.parquet`. */
  readonly title: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly millraceVersion: string;
  /** Sentences of the caller's own for the summary; the renderer writes the rest from the figures. */
  readonly summary: readonly string[];
  /** What a reader must know before trusting the figures. */
  readonly warnings: readonly string[];
  /** Model, data, optimizer, machine: name and value pairs under a heading. */
  readonly facts: readonly ReportFacts[];
  /** One a label and split; the last split is taken for the test split unless one is called `test`. */
  readonly evaluations: readonly ReportEvaluation[];
  /** One a label, where the data have domains. */
  readonly domains: readonly ReportDomains[];
  /** Parts of a split by how often training showed an item or a user; one a model, label and feature. */
  readonly slices: readonly ReportSlices[];
  /** Several models side by side on one split, next to the oracle. */
  readonly comparison: ReportComparison | undefined;
  /** The same for the other labels. @default none */
  readonly otherComparisons?: readonly ReportComparison[];
  /** Of several models the one whose evaluations, domains, features and facts these are. */
  readonly shownModel?: string;
  /** One a model. */
  readonly curves: readonly ReportCurves[];
  /** What retrieval models recommend, one a model; absent: ranking models. */
  readonly retrieval?: readonly ReportRetrieval[];
  readonly calibration: readonly ReportCalibration[];
  readonly scores: readonly ReportScores[];
  readonly features: readonly ReportFeature[];
  /** What the features' `importance` is, e.g. `AUC lost when the column is shuffled`. */
  readonly importanceMeaning: string | undefined;
  /** The same by model, where several are compared. */
  readonly importances: readonly ReportImportance[];
  /** Settings of the configurations that are not the same in all runs. */
  readonly differences: ReportDifferences | undefined;
  readonly spectra: readonly ReportSpectrum[];
  /** Any JSON; shown as it is. */
  readonly config: unknown;
  /** How to get this report again. */
  readonly commands: readonly ReportCommand[];
}

export interface ReportFacts {
  readonly title: string;
  readonly facts: readonly { readonly name: string; readonly value: string | number }[];
}

type Metrics = { readonly [name: string]: MetricValue };

export interface ReportEvaluation {
  readonly label: string;
  /** `train`, `valid`, `test`. */
  readonly split: string;
  readonly rows: number;
  /** What is counted. @default "rows" */
  readonly unit?: string;
  readonly positives: number | undefined;
  readonly metrics: Metrics;
  /** The same metrics of the true probabilities, where the data carry them. */
  readonly oracle: Metrics | undefined;
}

export interface ReportDomains {
  readonly label: string;
  readonly split: string;
  readonly domains: readonly { readonly name: string; readonly rows: number; readonly metrics: Metrics }[];
}

export interface ReportSlices {
  readonly model: string;
  readonly label: string;
  readonly split: string;
  /** The feature by whose values rows are told apart. */
  readonly by: string;
  readonly slices: readonly {
    readonly name: string;
    readonly rows: number;
    readonly metrics: Metrics;
    readonly oracle: Metrics | undefined;
  }[];
}

export interface ReportRetrieval extends RetrievalProfile {
  readonly model: string;
  readonly split: string;
  /** The index in use, where one was built. */
  readonly index?: ReportIndex;
}

export interface ReportIndex {
  readonly version: string;
  readonly kind: string;
  readonly items: number;
  readonly bytes: number;
  /** Absent where the run kept no users to measure it by. */
  readonly measured?: IndexMeasure;
}

export interface ReportImportance {
  readonly model: string;
  readonly byFeature: { readonly [feature: string]: number };
}

export interface ReportDifferences {
  readonly models: readonly string[];
  readonly settings: readonly {
    readonly key: string;
    /** One a model; null where its configuration does not have the key. */
    readonly values: readonly (string | null)[];
  }[];
  /** Settings in all. */
  readonly total: number;
}

export interface ReportComparison {
  readonly label: string;
  readonly split: string;
  readonly models: readonly {
    readonly name: string;
    readonly metrics: Metrics;
    readonly parameters: number | undefined;
    readonly trainSeconds: number | undefined;
  }[];
  readonly oracle: Metrics | undefined;
}

export interface ReportCurves {
  readonly model: string;
  /** Training loss by step, as dense as recorded; the plot averages over neighbours. */
  readonly steps: readonly { readonly step: number; readonly loss: number; readonly learningRate?: number }[];
  readonly epochs: readonly {
    readonly epoch: number;
    /** Steps done at its end. */
    readonly step: number;
    /** Mean training loss of the epoch. */
    readonly trainLoss: number;
    /** Metrics on the validation split. */
    readonly validation: { readonly [metric: string]: number | null };
  }[];
  /** The metric that decided, and the epoch whose weights were kept. */
  readonly monitor: string | undefined;
  readonly bestEpoch: number | undefined;
  /** The oracle's value of the monitor on the validation split. */
  readonly oracle: number | undefined;
}

export interface ReportCalibration {
  readonly model: string;
  readonly label: string;
  readonly split: string;
  readonly bins: readonly CalibrationBin[];
}

export interface ReportScores {
  readonly model: string;
  readonly label: string;
  readonly split: string;
  readonly bins: readonly ScoreBin[];
}

export interface ReportFeature {
  readonly name: string;
  readonly kind: string;
  /** Known values; undefined where there is no vocabulary. */
  readonly vocabularySize: number | undefined;
  /** Shares of rows (entries, for lists) in [0, 1], by split. */
  readonly rates: {
    readonly [split: string]: { readonly missing: number; readonly outOfVocabulary: number | undefined };
  };
  readonly table:
    | {
        readonly name: string;
        readonly rows: number;
        readonly dim: number;
        readonly bytes: number;
        readonly informationAbundance: number | undefined;
      }
    | undefined;
  readonly importance: number | undefined;
}

export interface ReportSpectrum {
  readonly table: string;
  /** In descending order. */
  readonly singularValues: readonly number[];
}

export interface ReportCommand {
  readonly purpose: string;
  readonly command: string;
}
