/**
 * What every retrieval model is: a user encoder, an item encoder, and a scorer of their outputs. The two
 * encoders see nothing of each other, so items are encoded ahead of time and a request costs one user
 * encoding and a search.
 *
 *     score(u, i) = s(users(u), items(i)),   s = dot product unless the model says otherwise
 *
 * An encoder's output may have any shape (several vectors a user or item), and a scorer may be any graph of
 * both (`scoring: "custom"`): exact search compiles it; only dot products can go into a graph index.
 */
import { type Batch, currentTrace, Model } from "../module/index.ts";
import { broadcastTo, expandDims, matmul, mul, reshape, squeeze, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** What one row of training asks: queries and how much each counts. */
export interface Queries {
  /** `[queries, ...userShape]`; a batch row gives as many queries as it has positives. */
  readonly users: Tensor;
  /** float32 `[queries]`, 0 for padding; absent: all count 1. */
  readonly weights?: Tensor;
}

export abstract class RetrievalModel extends Model {
  /** Shape of one user's encoding; `[dim]` for one vector. */
  abstract readonly userShape: readonly number[];
  /** Shape of one item's encoding. */
  abstract readonly itemShape: readonly number[];
  /** Whether scores are dot products of one vector each, so that an approximate index can hold the items. */
  readonly scoring: "dot" | "custom" = "dot";

  /** Encodes users from their features: `[batch, ...userShape]`. */
  abstract users(batch: Batch): Tensor;

  /** Encodes items from their features: `[batch, ...itemShape]`. */
  abstract items(batch: Batch): Tensor;

  /** The queries of a training batch; a sequence model asks one at each position. */
  queries(batch: Batch): Queries {
    return { users: this.users(batch) };
  }

  /** The score of each user with its own item: `[rows, ...userShape]`, `[rows, ...itemShape]` to `[rows]`. */
  scorePairs(users: Tensor, items: Tensor): Tensor {
    return sum(mul(users, items), { axis: -1 });
  }

  /**
   * The score of each user with `own` items that are its alone, one user's after another's:
   * `[rows, ...userShape]`, `[rows · own, ...itemShape]` to `[rows, own]`.
   */
  scoreOwn(users: Tensor, items: Tensor, own: number): Tensor {
    const [rows, ...shape] = users.shape;
    if (this.scoring === "dot" && own > 1) {
      // One product a row: repeating the user for each item would write and read `own` copies of it.
      const lists = reshape(items, [rows, own, ...shape]); // [rows, own, dim]
      return squeeze(matmul(lists, expandDims(users, 2)), 2);
    }
    const repeated =
      own === 1
        ? users
        : reshape(broadcastTo(expandDims(users, 1), [rows, own, ...shape]), [items.shape[0], ...shape]);
    return reshape(this.scorePairs(repeated, items), [rows, own]);
  }

  /** The score of each user with every item: `[rows, ...userShape]`, `[items, ...itemShape]` to `[rows, items]`. */
  scoreAll(users: Tensor, items: Tensor): Tensor {
    return matmul(users, items, { transposeB: true });
  }

  /** The score of each row's user with its item, `[batch]`; in training the objective asks the encoders. */
  override forward(batch: Batch): { readonly [name: string]: Tensor } {
    if (currentTrace().training) return {};
    return { score: this.scorePairs(this.users(batch), this.items(batch)) };
  }
}
