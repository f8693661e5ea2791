/** An exported model behind a function: rows as they come from a request, probabilities out. */
import { readFileSync } from "node:fs";
import { createRowEncoder, type RawRow } from "millrace/schema";
import * as ort from "onnxruntime-node";

const encoder = createRowEncoder(JSON.parse(readFileSync("runs/first/feature-map.json", "utf8")));
const session = await ort.InferenceSession.create("model.onnx");

export async function probabilities(rows: readonly RawRow[]): Promise<number[]> {
  const { size, columns } = encoder.encode(rows);
  const feeds: Record<string, ort.Tensor> = {};
  for (const info of session.inputMetadata) {
    const lists = info.isTensor && info.shape.length === 2; // histories and vectors
    const data = columns[info.name] as Float32Array;
    feeds[info.name] = new ort.Tensor(data, lists ? [size, data.length / size] : [size]);
  }
  const { probability } = await session.run(feeds);
  return Array.from(probability.data as Float32Array);
}

console.log(
  await probabilities([
    { user: "u047", device: "tv", page: "search", position: 1, item: "i096", category: "c17", price: 5.47 },
    { user: "u047", device: "tv", page: "search", position: 2, item: "never seen", history: "i068|i015" },
  ]),
);
